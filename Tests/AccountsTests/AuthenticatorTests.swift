import Configuration
import Message
import Platform
import Testing

@testable import Accounts

@Suite struct AuthenticatorTests {
  @Test func theRightPasswordOpens() async throws {
    let office = try Office()
    try await office.setPassword("correct horse")
    #expect(await office.login("alice", "correct horse") == .success("alice"))
    #expect(await office.login("ALICE", "correct horse") == .success("alice"))
    #expect(await office.login("a.example@example.org", "correct horse") == .success("alice"))
    #expect(await office.login("alice", "correct horsf") == .failure(.credentials))
    #expect(await office.login("alice", "correct horse ") == .failure(.credentials))
    #expect(await office.login("alice", "") == .failure(.credentials))
    #expect(await office.login("bob", "correct horse") == .failure(.credentials))
  }

  @Test func anUnknownUserIsLikeAWrongPassword() async throws {
    let office = try Office()
    try await office.setPassword("a")
    try await office.setPassword("b", "bob")
    // What is only ever read once.
    _ = await office.login("alice", "x", from: "198.51.100.1")
    _ = await office.login("bob", "x", from: "198.51.100.1")
    _ = await office.login("zed", "x", from: "198.51.100.1")
    var results: [Result<String, LoginRefusal>] = []
    let wrong = await office.secrets.calls { results.append(await office.login("alice", "x")) }
    let unknown = await office.secrets.calls { results.append(await office.login("zed", "x")) }
    #expect(wrong == unknown)
    #expect(results == [.failure(.credentials), .failure(.credentials)])
  }

  @Test func anAccountWithoutAPasswordIsClosed() async throws {
    let office = try Office()
    for password in ["", "\0", "x"] { #expect(await office.login("alice", password) != .success("alice")) }
  }

  @Test func unknownNamesHaveSaltsLikeOthers() async throws {
    let office = try Office()
    try await office.setPassword("a")
    try await office.setPassword("b", "bob")
    func salt(_ user: String) async throws -> ScramClient.ServerFirst {
      let exchange = office.authenticator.begin(mechanism: "SCRAM-SHA-256", session: office.session())
      guard case .challenge(let challenge) = await exchange.step(Array("n,,n=\(user),r=x".utf8)) else {
        throw CancellationError()
      }
      return ScramClient.ServerFirst(challenge)!
    }
    let (real, first, again) = (try await salt("alice"), try await salt("zed"), try await salt("ZED"))
    #expect(first.salt == again.salt && first.salt.count == real.salt.count && first.salt != real.salt)
    #expect(first.iterations == real.iterations)
    // An account has one salt under all its names; so has a name that is no account.
    #expect(try await salt("alice@example.org").salt == real.salt)
    #expect(try await salt("zed@example.org").salt == first.salt)
    #expect(try await salt("zed@example.net").salt != first.salt)
    #expect(try await salt("yves").salt != first.salt)
    #expect(first.nonce != again.nonce)
    // Another installation has others.
    let other = try Office()
    let exchange = other.authenticator.begin(mechanism: "SCRAM-SHA-256", session: other.session())
    guard case .challenge(let challenge) = await exchange.step(Array("n,,n=zed,r=x".utf8)) else { return }
    #expect(ScramClient.ServerFirst(challenge)?.salt != first.salt)
  }

  @Test func scramOpens() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    #expect(try await scram(office, ScramClient(user: "alice", password: "pencil")) == .accepted(account: "alice"))
    #expect(try await scram(office, ScramClient(user: "alice", password: "pencik")) == .refused(.credentials))
    #expect(try await scram(office, ScramClient(user: "zed", password: "pencil")) == .refused(.credentials))
  }

  func scram(_ office: Office, _ client: ScramClient, from peer: String = "192.0.2.1") async throws -> SASLStep {
    let exchange = office.authenticator.begin(mechanism: "scram-sha-256", session: office.session(peer))
    let first = await exchange.step(client.first)
    guard case .challenge(let challenge) = first else { return first }
    let final = try client.final(challenge)
    let second = await exchange.step(final.message)
    guard case .challenge(let signature) = second else { return second }
    #expect(signature == final.signature)
    let end = await exchange.step([])
    #expect(await exchange.step([]) == end)
    return end
  }

  @Test func plainAndLoginOpen() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    func plain(_ message: String) async -> SASLStep {
      await office.authenticator.begin(mechanism: "PLAIN", session: office.session()).step(Array(message.utf8))
    }
    #expect(await plain("\0alice\0pencil") == .accepted(account: "alice"))
    #expect(await plain("alice@example.org\0alice\0pencil") == .accepted(account: "alice"))
    #expect(await plain("bob\0alice\0pencil") == .refused(.credentials))
    #expect(await plain("\0alice\0pencik") == .refused(.credentials))
    #expect(await plain("alice") == .refused(.malformed))
    let login = office.authenticator.begin(mechanism: "LOGIN", session: office.session())
    #expect(await login.step(nil) == .challenge(Array("Username:".utf8)))
    #expect(await login.step(Array("alice".utf8)) == .challenge(Array("Password:".utf8)))
    #expect(await login.step(Array("pencil".utf8)) == .accepted(account: "alice"))
  }

  @Test func passwordsNeedTLS() async throws {
    let office = try Office(more: "[network]\nplaintext-passwords-from = [\"127.0.0.1\"]")
    try await office.setPassword("pencil")
    let (open, closed) = (office.session("127.0.0.1", encrypted: false), office.session(encrypted: false))
    #expect(office.authenticator.mechanisms(for: closed).isEmpty)
    #expect(office.authenticator.mechanisms(for: open) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
    #expect(office.authenticator.mechanisms(for: office.session()) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
    let (user, password) = (Array("alice".utf8), Array("pencil".utf8))
    #expect(
      await office.authenticator.verify(user: user, password: password, session: closed) == .failure(.needsEncryption))
    #expect(await office.authenticator.verify(user: user, password: password, session: open) == .success("alice"))
    for mechanism in SASLMechanism.allCases {
      let exchange = office.authenticator.begin(mechanism: mechanism.rawValue, session: closed)
      #expect(await exchange.step(nil) == .refused(.needsEncryption))
    }
    let unknown = office.authenticator.begin(mechanism: "CRAM-MD5", session: office.session())
    #expect(await unknown.step(nil) == .refused(.unknownMechanism))
  }

  @Test func aNewPasswordEndsTheOldOneAtOnce() async throws {
    let office = try Office()
    try await office.setPassword("old")
    #expect(await office.login("alice", "old") == .success("alice"))
    #expect(await office.login("alice", "old") == .success("alice"))
    try await office.setPassword("new")
    #expect(await office.login("alice", "old") == .failure(.credentials))
    #expect(await office.login("alice", "new") == .success("alice"))
  }

  @Test func aPasswordThatIsTakenAwayOpensNothing() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    #expect(await office.login("alice", "pencil") == .success("alice"))
    try await office.authenticator.removePassword(account: "Alice")
    #expect(await office.login("alice", "pencil") == .failure(.credentials))
  }

  @Test func repeatedLoginsAreNotHashedAgain() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    #expect(await office.login("alice", "pencil") == .success("alice"))
    office.authenticator.threads.stop()
    #expect(await office.login("alice", "pencil") == .success("alice"))
    #expect(await office.login("alice", "pencik") == .failure(.busy))
    office.clock.turn(.seconds(601))
    #expect(await office.login("alice", "pencil") == .failure(.busy))
  }

  @Test func aStoreThatFailsSaysNothingAboutThePassword() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    office.secrets.state.withLock { $0.fails = true }
    #expect(await office.login("alice", "pencil") == .failure(.busy))
    #expect(await office.login("zed", "pencil") == .failure(.busy))
    office.secrets.state.withLock { $0.fails = false }
    #expect(await office.login("alice", "pencil") == .success("alice"))
  }

  @Test func unsuitablePasswordsAreRefusedWithAReason() async throws {
    let office = try Office()
    await #expect(throws: PasswordError.empty) { try await office.setPassword("") }
    await #expect(throws: PasswordError.tooLong) { try await office.setPassword(String(repeating: "x", count: 1025)) }
    await #expect(throws: PasswordError.noSuchAccount("zed")) { try await office.setPassword("x", "zed") }
    await #expect(throws: PasswordError.unsuitable("it has the character U+2168")) { try await office.setPassword("Ⅸ") }
    try await office.setPassword("Grüße")
    #expect(await office.login("alice", "Grüße") == .success("alice"))
  }

  // MARK: Guessing

  /// The task's own measure: 10,000 guesses from 100 addresses.
  func siege(_ office: Office, addresses: [String]) async -> Int {
    var looked = 0
    for number in 0..<10_000 {
      let peer = addresses[number % addresses.count]
      if await office.login("alice", "guess \(number)", from: peer) == .failure(.credentials) { looked += 1 }
    }
    return looked
  }

  @Test(arguments: [
    (0..<100).map { "203.0.\($0).7" }, (1...100).map { "203.0.113.\($0)" }, (0..<100).map { "2001:db8:0:\($0)::1" },
  ]) func theRightfulUserLogsInDuringASiege(addresses: [String]) async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    // Once before from here, and then never from where the guesses come from.
    #expect(await office.login("alice", "pencil", from: "192.0.2.9") == .success("alice"))
    let looked = await siege(office, addresses: addresses)
    #expect(looked < 700)
    let (home, wait) = await office.naps.during { await office.login("alice", "pencil", from: "192.0.2.9") }
    #expect(home == .success("alice") && wait <= .seconds(1))
    // Also from a place that was never seen, and as another user.
    let (away, longer) = await office.naps.during { await office.login("alice", "pencil", from: "198.51.100.1") }
    #expect(away == .success("alice") && longer <= .seconds(1))
    try await office.setPassword("pen", "bob")
    #expect(await office.login("bob", "pen", from: "198.51.100.2") == .success("bob"))
  }

  @Test func theRightfulUserLogsInFromTheVeryNetworkOfTheSiege() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    #expect(await office.login("alice", "pencil", from: "203.0.113.200") == .success("alice"))
    _ = await siege(office, addresses: (1...100).map { "203.0.113.\($0)" })
    let (result, wait) = await office.naps.during { await office.login("alice", "pencil", from: "203.0.113.200") }
    #expect(result == .success("alice") && wait <= .seconds(1))
    #expect(
      try await scram(office, ScramClient(user: "alice", password: "pencil"), from: "203.0.113.200")
        == .accepted(account: "alice"))
  }

  @Test func guessesByScramAreSlowedToo() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    var refused = 0
    for _ in 0..<50 where try await scram(office, ScramClient(user: "alice", password: "x")) == .refused(.busy) {
      refused += 1
    }
    #expect(refused > 30)
  }

  @Test func placesOfLoginsOutliveTheProcess() async throws {
    let office = try Office()
    try await office.setPassword("pencil")
    #expect(await office.login("alice", "pencil", from: "2001:db8::1") == .success("alice"))
    #expect(office.secrets.state.withLock { $0.logins["alice"] } == ["2001:db8::/64"])
    // A second login from there is not written again, until a day later.
    #expect(await office.login("alice", "pencil", from: "2001:db8::2") == .success("alice"))
    #expect(office.secrets.state.withLock { $0.logins["alice"]?.count } == 1)
    office.clock.turn(.seconds(90_000))
    #expect(await office.login("alice", "pencil", from: "2001:db8::2") == .success("alice"))
    #expect(office.secrets.state.withLock { $0.logins["alice"]?.count } == 2)
  }
}
