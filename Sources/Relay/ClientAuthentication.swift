internal import Message
internal import Platform

/// The client's side of SASL, for a smart host that wants a password: SCRAM-SHA-256 (RFC 5802, RFC 7677),
/// PLAIN (RFC 4616), LOGIN. A pure state machine over decoded challenges; base64 and the `AUTH` command are
/// the driver's, which starts this inside TLS only.
public struct ClientAuthentication: Sendable {
  public enum Mechanism: String, Sendable, CaseIterable {
    // In the order of preference: SCRAM does not hand the password over, and proves who the server is.
    case scramSHA256 = "SCRAM-SHA-256"
    case plain = "PLAIN"
    case login = "LOGIN"
  }

  /// Why the exchange cannot go on.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  private enum State: Sendable {
    case ready
    case loginUser, loginPassword
    case scramFirst(clientFirstBare: [UInt8], nonce: String)
    case scramFinal(serverSignature: [UInt8])
    case done
  }

  /// A server may not make us compute for minutes: RFC 7677 §4 asks for at least 4096 rounds, common are
  /// some hundred thousand.
  static let mostIterations = 2_000_000

  public let mechanism: Mechanism
  private let user: [UInt8]
  private let password: [UInt8]
  private let nonce: String
  private var state = State.ready

  /// - Parameters:
  ///   - nonce: printable ASCII without comma, unguessable, fresh for each exchange.
  public init(mechanism: Mechanism, user: String, password: [UInt8], nonce: String) {
    self.mechanism = mechanism
    self.user = Array(user.utf8)
    self.password = password
    self.nonce = nonce
  }

  /// The best mechanism that the server offers and we speak.
  public static func best(of offered: [String]) -> Mechanism? {
    let names = Set(offered.map { $0.uppercased() })
    return Mechanism.allCases.first { names.contains($0.rawValue) }
  }

  /// The initial response to send with the `AUTH` command; `nil`: the server speaks first.
  public mutating func initialResponse() throws -> [UInt8]? {
    guard !user.contains(0), !password.contains(0) else {
      throw Failure(description: "the smart host's user name or password contains a NUL character")
    }
    switch mechanism {
    case .plain:
      state = .done
      return [0] + user + [0] + password
    case .login:
      state = .loginUser
      return nil
    case .scramSHA256:
      let bare = Array("n=".utf8) + Self.escaped(user) + Array(",r=\(nonce)".utf8)
      state = .scramFirst(clientFirstBare: bare, nonce: nonce)
      return Array("n,,".utf8) + bare
    }
  }

  /// Answers a challenge. SCRAM derives a key here, which takes a while: never on an event loop.
  public mutating func respond(to challenge: [UInt8]) throws -> [UInt8] {
    switch state {
    case .loginUser:
      state = .loginPassword
      return user
    case .loginPassword:
      state = .done
      return password
    case .scramFirst(let bare, let nonce): return try scramProof(challenge, clientFirstBare: bare, nonce: nonce)
    case .scramFinal(let signature):
      try verify(challenge, signature)
      state = .done
      return []
    case .ready, .done: throw Failure(description: "the server asked for more than the mechanism has")
    }
  }

  /// The server said 235. Throws if it has not proved that it knows the password, where the mechanism asks for the
  /// proof. SMTP's success reply carries no data (RFC 4954 §4), so the proof has come as a challenge before.
  public func accepted() throws {
    if case .done = state { return }
    throw Failure(description: "the server accepted before the exchange was complete, without proof of who it is")
  }

  private mutating func scramProof(_ challenge: [UInt8], clientFirstBare: [UInt8], nonce: String) throws -> [UInt8] {
    let fields = Self.attributes(challenge)
    guard let combined = fields["r"], combined.utf8.count > nonce.utf8.count, combined.hasPrefix(nonce),
      let salt = fields["s"].flatMap({ Base64.decode($0.utf8) }), !salt.isEmpty,
      let iterations = fields["i"].flatMap({ Int($0) }), iterations >= 1, fields["m"] == nil
    else { throw Failure(description: "the server's SCRAM challenge is malformed") }
    guard iterations <= Self.mostIterations else {
      throw Failure(description: "the server asks for \(iterations) rounds of hashing, which is more than we do")
    }
    let salted = try pbkdf2SHA256(password: password, salt: salt, iterations: iterations)
    let clientKey = hmacSHA256(key: salted, Array("Client Key".utf8))
    let withoutProof = Array("c=biws,r=\(combined)".utf8)
    let comma: [UInt8] = [0x2c]
    let authMessage = clientFirstBare + comma + challenge + comma + withoutProof
    let clientSignature = hmacSHA256(key: SHA256.hash(clientKey), authMessage)
    let proof = zip(clientKey, clientSignature).map { $0 ^ $1 }
    state = .scramFinal(serverSignature: hmacSHA256(key: hmacSHA256(key: salted, Array("Server Key".utf8)), authMessage))
    return withoutProof + Array(",p=".utf8) + Base64.encode(proof)
  }

  private func verify(_ challenge: [UInt8], _ signature: [UInt8]) throws {
    let fields = Self.attributes(challenge)
    if let error = fields["e"] { throw Failure(description: "the server refused the SCRAM proof: \(error)") }
    guard let sent = fields["v"].flatMap({ Base64.decode($0.utf8) }), constantTimeEqual(sent, signature) else {
      throw Failure(description: "the server could not prove that it knows the password; it may be an impostor")
    }
  }

  /// `=` and `,` inside a user name (RFC 5802 §5.1, attribute n).
  private static func escaped(_ name: [UInt8]) -> [UInt8] {
    name.flatMap { byte -> [UInt8] in
      switch byte {
      case 0x2c: Array("=2C".utf8)
      case 0x3d: Array("=3D".utf8)
      default: [byte]
      }
    }
  }

  private static func attributes(_ bytes: [UInt8]) -> [String: String] {
    var fields: [String: String] = [:]
    for part in String(decoding: bytes.prefix(4096), as: UTF8.self).split(separator: ",") {
      let pieces = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pieces.count == 2, fields[String(pieces[0])] == nil { fields[String(pieces[0])] = String(pieces[1]) }
    }
    return fields
  }
}
