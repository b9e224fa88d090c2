internal import Message
internal import Platform

/// A name and password for a remote server.
public struct Credentials: Sendable {
  public var user: String
  public var password: String
  public init(user: String, password: String) {
    self.user = user
    self.password = password
  }
}

/// A key derivation that SCRAM wants: `PBKDF2-HMAC-SHA-256(password, salt, iterations)`.
///
/// Slow on purpose; the driver does it where slowness hurts nobody.
public struct KeyDerivation: Sendable, Equatable {
  public var password: [UInt8]
  public var salt: [UInt8]
  public var iterations: Int
}

/// The client's side of a SASL mechanism, without I/O.
struct ClientAuthentication: Sendable {
  enum Step: Sendable, Equatable {
    case respond([UInt8])
    case derive(KeyDerivation)
    /// Not to be gone on with; the reason as a sentence.
    case fail(String)
  }

  private enum State: Sendable {
    case plain
    case loginName
    case loginPassword
    case scramFirst
    case scramDeriving(authMessage: [UInt8], withoutProof: [UInt8])
    case scramFinal(serverSignature: [UInt8])
    case done
  }

  /// More iterations than this are an attack on us, not a protection of the password.
  static let iterationsLimit = 1_000_000

  let mechanism: String
  private(set) var initialResponse: [UInt8]?
  private var state: State
  private let credentials: Credentials
  private let nonce: [UInt8]
  private var clientFirstBare: [UInt8] = []

  /// The strongest mechanism that both sides know.
  ///
  /// - Parameter nonce: printable, without a comma (RFC 5802 §5.1).
  init?(offered: [String], credentials: Credentials, nonce: [UInt8]) {
    guard let mechanism = ["SCRAM-SHA-256", "PLAIN", "LOGIN"].first(where: offered.contains) else { return nil }
    self.mechanism = mechanism
    self.credentials = credentials
    self.nonce = nonce
    switch mechanism {
    case "PLAIN":
      // RFC 4616 §2: [authzid] NUL authcid NUL passwd.
      initialResponse = [0] + Array(credentials.user.utf8) + [0] + Array(credentials.password.utf8)
      state = .plain
    case "LOGIN":
      state = .loginName
    default:
      clientFirstBare = Array("n=".utf8) + ClientAuthentication.saslName(credentials.user) + Array(",r=".utf8) + nonce
      // RFC 5802 §7: no channel binding.
      initialResponse = Array("n,,".utf8) + clientFirstBare
      state = .scramFirst
    }
  }

  /// The server's challenge, without base64.
  mutating func receive(_ challenge: [UInt8]) -> Step {
    switch state {
    case .plain:
      // A server that did not take the initial response asks for it with an empty challenge.
      state = .done
      return .respond(initialResponse ?? [])
    case .loginName:
      state = .loginPassword
      return .respond(Array(credentials.user.utf8))
    case .loginPassword:
      state = .done
      return .respond(Array(credentials.password.utf8))
    case .scramFirst:
      return scramFirst(challenge)
    case .scramFinal(let signature):
      state = .done
      let text = String(decoding: challenge, as: UTF8.self)
      guard text.hasPrefix("v="), let value = Base64.decode(Array(text.dropFirst(2).utf8)),
        constantTimeEqual(value, signature)
      else { return .fail("the server could not prove that it knows the password") }
      return .respond([])
    case .scramDeriving, .done:
      return .fail("the server asked for more than the mechanism \(mechanism) has")
    }
  }

  /// The key that ``Step/derive(_:)`` asked for: the client's proof (RFC 5802 §3).
  mutating func derived(_ saltedPassword: [UInt8]) -> Step {
    guard case .scramDeriving(let authMessage, let withoutProof) = state else {
      return .fail("a key came that nobody asked for")
    }
    let clientKey = hmacSHA256(key: saltedPassword, Array("Client Key".utf8))
    let signature = hmacSHA256(key: SHA256.hash(clientKey), authMessage)
    let proof = zip(clientKey, signature).map { $0 ^ $1 }
    let serverKey = hmacSHA256(key: saltedPassword, Array("Server Key".utf8))
    state = .scramFinal(serverSignature: hmacSHA256(key: serverKey, authMessage))
    return .respond(withoutProof + Array(",p=".utf8) + Base64.encode(proof))
  }

  /// Whether a 235 now is one that can be believed: in SCRAM only after the server has proved itself.
  var isComplete: Bool {
    if case .done = state { return true }
    if case .plain = state { return true }
    return false
  }

  /// `r=nonce,s=salt,i=iterations` (RFC 5802 §7).
  private mutating func scramFirst(_ challenge: [UInt8]) -> Step {
    var fields: [UInt8: ArraySlice<UInt8>] = [:]
    for part in challenge.split(separator: UInt8(ascii: ",")) where part.count >= 2 {
      guard part[part.startIndex + 1] == UInt8(ascii: "="), let name = part.first else { continue }
      if fields[name] == nil { fields[name] = part.dropFirst(2) }
    }
    guard fields[UInt8(ascii: "m")] == nil, let serverNonce = fields[UInt8(ascii: "r")],
      serverNonce.count > nonce.count, serverNonce.starts(with: nonce),
      let salt = fields[UInt8(ascii: "s")].flatMap({ Base64.decode($0) }), !salt.isEmpty,
      let iterations = fields[UInt8(ascii: "i")].flatMap({ ServerMachine.octets($0) })
    else { return .fail("the server's SCRAM challenge is not well formed") }
    // RFC 7677 §4 asks servers for 4096 or more.
    guard (1...ClientAuthentication.iterationsLimit).contains(iterations) else {
      return .fail("the server asks for \(iterations) iterations of SCRAM's key derivation")
    }
    let withoutProof = Array("c=biws,r=".utf8) + serverNonce
    let comma = [UInt8(ascii: ",")]
    let authMessage = clientFirstBare + comma + challenge + comma + withoutProof
    state = .scramDeriving(authMessage: authMessage, withoutProof: withoutProof)
    return .derive(KeyDerivation(password: Array(credentials.password.utf8), salt: salt, iterations: iterations))
  }

  /// `saslname`: comma and equals sign are escaped (RFC 5802 §5.1).
  private static func saslName(_ name: String) -> [UInt8] {
    name.utf8.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: ","): Array("=2C".utf8)
      case UInt8(ascii: "="): Array("=3D".utf8)
      default: [byte]
      }
    }
  }
}
