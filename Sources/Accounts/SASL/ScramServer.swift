import Message
import Platform

/// SCRAM-SHA-256 (RFC 5802 with RFC 7677), without channel binding: it is not offered, so a client that demands it fails,
/// and one that could do it (`y`) does not.
///
///     start ──client-first──▶ lookingUp ──verifier──▶ challenged ──client-final, proof right──▶ proved ──""──▶ succeed
///
/// SMTP and IMAP have no room for data beside a success, so the server's signature goes out as a challenge, which the
/// client answers with nothing (RFC 5802 §3).
struct ScramServer: SASLMachine {
  private enum State {
    case start, asked, proved, done
    case lookingUp(ClientFirst)
    case challenged(Challenged)
  }

  private struct ClientFirst {
    /// `n,,` or with an authorization identity: what `c=` must repeat.
    let header: [UInt8]
    let bare: [UInt8]
    let nonce: [UInt8]
  }

  private struct Challenged {
    let first: ClientFirst
    let nonce: [UInt8]
    let serverFirst: [UInt8]
    let verifier: PasswordVerifier
    let isReal: Bool
  }

  /// A message may have this many bytes; real ones have a few hundred.
  static let longest = 4096

  private var state = State.start
  private let serverNonce: [UInt8]

  init(nonce: [UInt8]) { serverNonce = nonce }

  mutating func receive(_ response: [UInt8]?) -> SASLAction {
    if let response, response.count > Self.longest { return fail(.malformed) }
    switch (state, response) {
    case (.start, nil):
      state = .asked
      return .challenge([])
    case (.start, let message?), (.asked, let message?): return clientFirst(message)
    case (.challenged(let challenged), let message?): return clientFinal(message, challenged)
    case (.proved, let message?):
      guard message.isEmpty else { return fail(.malformed) }
      state = .done
      return .succeed
    default: return fail(.malformed)
    }
  }

  mutating func answer(_ answer: SASLAnswer) -> SASLAction {
    guard case .lookingUp(let first) = state, case .found(let verifier, let isReal) = answer else {
      return fail(.malformed)
    }
    let nonce = first.nonce + serverNonce
    let message =
      Array("r=".utf8) + nonce + Array(",s=".utf8) + Base64.encode(verifier.salt)
      + Array(",i=\(verifier.iterations)".utf8)
    state = .challenged(
      Challenged(first: first, nonce: nonce, serverFirst: message, verifier: verifier, isReal: isReal))
    return .challenge(message)
  }

  private mutating func fail(_ why: LoginRefusal) -> SASLAction {
    state = .done
    return .fail(why)
  }

  /// RFC 5802 §7 `client-first-message`.
  private mutating func clientFirst(_ message: [UInt8]) -> SASLAction {
    let parts = message.split(separator: Self.comma, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].elementsEqual("n".utf8) || parts[0].elementsEqual("y".utf8) else {
      return fail(.malformed)
    }
    // A name to act as is taken when it is the user's own.
    var authorization: [UInt8]?
    if !parts[1].isEmpty {
      guard let value = Self.value(of: "a", in: parts[1]), let name = Self.name(value) else { return fail(.malformed) }
      authorization = name
    }
    let bare = Array(parts[2])
    let attributes = bare.split(separator: Self.comma, omittingEmptySubsequences: false)
    guard attributes.count >= 2, let encoded = Self.value(of: "n", in: attributes[0]),
      let user = Self.name(encoded), let nonce = Self.value(of: "r", in: attributes[1]), Self.isPrintable(nonce),
      attributes.dropFirst(2).allSatisfy(Self.isExtension)
    else { return fail(.malformed) }
    if let authorization, authorization != user { return fail(.credentials) }
    state = .lookingUp(
      ClientFirst(header: Array(message.dropLast(bare.count)), bare: bare, nonce: Array(nonce)))
    return .lookUp(user: user)
  }

  /// RFC 5802 §7 `client-final-message`: the same nonce, the header repeated, and the proof (§3).
  private mutating func clientFinal(_ message: [UInt8], _ challenged: Challenged) -> SASLAction {
    let attributes = message.split(separator: Self.comma, omittingEmptySubsequences: false)
    guard attributes.count >= 3, let binding = Self.value(of: "c", in: attributes[0]),
      Base64.decode(binding) == challenged.first.header, let nonce = Self.value(of: "r", in: attributes[1]),
      nonce.elementsEqual(challenged.nonce), attributes.dropFirst(2).dropLast().allSatisfy(Self.isExtension),
      let last = attributes.last, let encoded = Self.value(of: "p", in: last), let proof = Base64.decode(encoded)
    else { return fail(.malformed) }
    let withoutProof = Array(message.dropLast(last.count + 1))
    let auth =
      challenged.first.bare + [Self.comma] + challenged.serverFirst + [Self.comma] + withoutProof
    let signature = hmacSHA256(key: challenged.verifier.storedKey, auth)
    guard proof.count == signature.count else { return fail(.malformed) }
    let clientKey = zip(proof, signature).map { $0 ^ $1 }
    // Both are always computed: an unknown user must take as long as a wrong password.
    let isRight = constantTimeEqual(SHA256.hash(clientKey), challenged.verifier.storedKey)
    let serverSignature = hmacSHA256(key: challenged.verifier.serverKey, auth)
    guard isRight, challenged.isReal else { return fail(.credentials) }
    state = .proved
    return .challenge(Array("v=".utf8) + Base64.encode(serverSignature))
  }

  private static let comma = UInt8(ascii: ",")

  /// The value of `letter=value`.
  private static func value(of letter: Character, in attribute: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    attribute.starts(with: "\(letter)=".utf8) ? attribute.dropFirst(2) : nil
  }

  /// An attribute to be passed over. `m` demands something that this version does not know (§5.1).
  private static func isExtension(_ attribute: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(attribute.prefix(2))
    guard bytes.count == 2, bytes[1] == UInt8(ascii: "="), attribute.count > 2 else { return false }
    let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[0] | 0x20)
    return isLetter && bytes[0] != UInt8(ascii: "m")
  }

  /// §7 `printable`: visible ASCII; a comma cannot be in it, because commas were split at.
  private static func isPrintable(_ bytes: ArraySlice<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.allSatisfy { (0x21...0x7e).contains($0) }
  }

  /// §5.1 `n`: `=2C` is a comma and `=3D` is `=`; any other `=` is an error, and so is an empty name.
  private static func name(_ encoded: ArraySlice<UInt8>) -> [UInt8]? {
    guard !encoded.isEmpty, encoded.count <= Credentials.longest else { return nil }
    var name: [UInt8] = []
    var rest = encoded
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "=") else {
        name.append(byte)
        continue
      }
      let code = rest.prefix(2)
      rest = rest.dropFirst(2)
      if code.elementsEqual("2C".utf8) {
        name.append(UInt8(ascii: ","))
      } else if code.elementsEqual("3D".utf8) {
        name.append(UInt8(ascii: "="))
      } else {
        return nil
      }
    }
    return name
  }
}
