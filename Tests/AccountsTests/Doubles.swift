import Configuration
import Logging
import Message
import Platform
import Synchronization

@testable import Accounts

/// Secrets in memory, which note what they were asked.
final class MemorySecrets: SecretStore {
  struct State {
    var verifiers: [String: PasswordVerifier] = [:]
    var logins: [String: [String]] = [:]
    var key: [UInt8]?
    var asked: [String] = []
    var fails = false
  }
  struct Broken: Error {}

  let state = Mutex(State())

  private func ask<T>(_ what: String, _ body: (inout State) -> T) throws -> T {
    try state.withLock { state in
      state.asked.append(what)
      if state.fails { throw Broken() }
      return body(&state)
    }
  }

  func verifier(account: String) async throws -> PasswordVerifier? { try ask("verifier") { $0.verifiers[account] } }
  func setVerifier(_ verifier: PasswordVerifier?, account: String, at: Moment) async throws {
    try ask("setVerifier") { $0.verifiers[account] = verifier }
  }
  func loginAddresses(account: String) async throws -> [String] { try ask("logins") { $0.logins[account] ?? [] } }
  func recordLogin(account: String, address: String, at: Moment) async throws {
    try ask("record") { $0.logins[account, default: []].append(address) }
  }
  func installationKey(fresh: [UInt8]) async throws -> [UInt8] {
    try ask("key") { state in
      if let key = state.key { return key }
      state.key = fresh
      return fresh
    }
  }

  func calls(during body: () async throws -> Void) async rethrows -> [String] {
    state.withLock { $0.asked = [] }
    try await body()
    return state.withLock { $0.asked }
  }
}

/// A clock that is turned by hand.
final class HandClock: Sendable {
  let moment = Mutex(Moment(seconds: 1_700_000_000))
  var clock: Clock { Clock { self.moment.withLock { $0 } } }
  func turn(_ time: Duration) { moment.withLock { $0 = $0 + time } }
}

/// Sleeps without sleeping, and adds up what was asked for.
final class Naps: Sendable {
  let total = Mutex(Duration.zero)
  func nap(_ time: Duration) { total.withLock { $0 += time } }
  func during<T>(_ body: () async throws -> T) async rethrows -> (T, Duration) {
    let before = total.withLock { $0 }
    let value = try await body()
    return (value, total.withLock { $0 } - before)
  }
}

/// An authenticator for alice and bob of example.org, over secrets in memory.
struct Office {
  let secrets = MemorySecrets()
  let clock = HandClock()
  let naps = Naps()
  let configuration: Configuration
  let authenticator: Authenticator

  init(iterations: Int = 4096, more: String = "") throws {
    configuration = try Configuration(
      text: """
        hostname = "mail.example.org"
        [[domain]]
        name = "example.org"
        [[account]]
        name = "alice"
        addresses = ["alice@example.org", "a.example@example.org"]
        [[account]]
        name = "bob"
        [[alias]]
        address = "info@example.org"
        to = ["alice"]
        [[group]]
        address = "team@example.org"
        members = ["alice", "bob"]
        [passwords]
        iterations = \(iterations)
        \(more)
        """)
    let (configuration, naps) = (configuration, naps)
    authenticator = Authenticator(
      configuration: { configuration }, secrets: secrets, clock: clock.clock, sleep: { naps.nap($0) },
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  func session(_ peer: String = "192.0.2.1", encrypted: Bool = true) -> LoginSession {
    LoginSession(peer: IPAddress(peer)!, isEncrypted: encrypted, service: "test")
  }

  func login(_ user: String, _ password: String, from peer: String = "192.0.2.1") async -> Result<String, LoginRefusal>
  {
    await authenticator.verify(user: Array(user.utf8), password: Array(password.utf8), session: session(peer))
  }

  func setPassword(_ password: String, _ account: String = "alice") async throws {
    try await authenticator.setPassword(Array(password.utf8), account: account)
  }
}

/// The client's side of SCRAM-SHA-256.
struct ScramClient {
  let user: String
  let password: String
  var nonce = "rOprNGfwEbeRWgbNEkqO"
  var header = "n,,"
  var bare: String { "n=\(user),r=\(nonce)" }
  var first: [UInt8] { Array((header + bare).utf8) }

  struct ServerFirst {
    let nonce: String
    let salt: [UInt8]
    let iterations: Int
    init?(_ bytes: [UInt8]) {
      let parts = String(decoding: bytes, as: UTF8.self).split(separator: ",")
      guard parts.count == 3, let salt = Base64.decode(parts[1].dropFirst(2).utf8),
        let count = Int(parts[2].dropFirst(2))
      else { return nil }
      (nonce, self.salt, iterations) = (String(parts[0].dropFirst(2)), salt, count)
    }
  }

  /// The final message, and the signature that the server must show.
  func final(_ challenge: [UInt8], more: String = "") throws -> (message: [UInt8], signature: [UInt8]) {
    let server = ServerFirst(challenge)!
    let salted = try pbkdf2SHA256(password: Array(password.utf8), salt: server.salt, iterations: server.iterations)
    let clientKey = hmacSHA256(key: salted, Array("Client Key".utf8))
    let binding = String(decoding: Base64.encode(Array(header.utf8)), as: UTF8.self)
    let bareFinal = "c=\(binding),r=\(server.nonce)\(more)"
    let auth = Array(bare.utf8) + [44] + challenge + [44] + Array(bareFinal.utf8)
    let signature = hmacSHA256(key: SHA256.hash(clientKey), auth)
    let proof = Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
    let expected = hmacSHA256(key: hmacSHA256(key: salted, Array("Server Key".utf8)), auth)
    return (Array(bareFinal.utf8) + Array(",p=".utf8) + proof, Array("v=".utf8) + Base64.encode(expected))
  }
}

struct Repeatable: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
