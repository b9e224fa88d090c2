import Glibc
import Logging
import Network
import Platform
import Resolver
import SMTP
import Store
import Synchronization
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

/// DANE, MTA-STS and REQUIRETLS against a server with TLS, over real connections.
@Suite("Mail that must be safe", .timeLimit(.minutes(5)))
struct SecureMailTests {
  static let host = "mx.far.example"

  /// A server that is the mail exchanger of far.example, and what came of one message to it.
  final class Stage: Sendable {
    let server: SecureServer
    let dns = FakeDNS()
    let counted = Mutex<[TLSSessionCount]>([])
    let trust: ClientTrust
    private let file: String

    init(_ behaviour: SecureServer.Behaviour, names: [String], trusted: Bool, proven: Bool) async throws {
      server = try await SecureServer(behaviour, names: names)
      file = try server.trustFile()
      trust = try ClientTrust(roots: trusted ? file : nil)
      dns.mx("far.example", (10, SecureMailTests.host), secure: proven)
      dns.host(SecureMailTests.host, "127.0.0.1", secure: proven)
    }

    func end() async {
      unlink(file)
      await server.stop()
    }

    /// The record that is about the server.
    func record(_ change: (inout TLSARecord) -> Void = { _ in }) throws -> TLSARecord {
      var record = TLSARecord(
        usage: 3, selector: 1, matchingType: 1, data: try server.certificate.certificate().facts.keyDigest)
      change(&record)
      return record
    }

    func tlsa(_ records: TLSARecord...) {
      dns.set(
        "_\(server.port)._tcp.\(SecureMailTests.host)", .tlsa,
        FakeDNS.Entry(records: records.map { .tlsa($0) }, isSecure: true))
    }

    /// - Parameter sts: the document that the domain's web server gives; `nil`: there is no policy.
    func send(
      _ transport: TransportWish = .standard, sts: String? = nil, policy: String = "",
      from: String? = "anna@office.example"
    ) async throws -> String {
      let relay = "[relay]\ninternal-networks = [\"127.0.0.0/8\"]\n" + policy
      let configuration = try Configuration(
        text: RunnerBench.text.replacing("[relay]\ndirect = false\n", with: relay))
      if sts != nil { dns.text("_mta-sts.far.example", "v=STSv1; id=1") }
      var said = ""
      try await RunnerBench.run(
        configuration: configuration, trust: trust, dns: dns, port: server.port,
        prepare: { dialer in
          let clock = Clock.system
          dialer.security.account = SessionAccount(clock: clock) { [self] row in counted.withLock { $0.append(row) } }
          dialer.security.policies = STSPolicies(
            dns: dns,
            fetch: { _ in
              sts.map { .success(Array($0.utf8)) } ?? .failure(STSFailure(kind: .fetch, reason: "nobody there"))
            }, cache: STSPolicyTests.Shelf(), clock: clock, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
          )
        }
      ) { bench in
        bench.queue.add(to: ["x@far.example"], from: from, transport: transport)
        await bench.queue.settled(1)
        switch bench.queue.outcome("x@far.example") {
        case .relayed(let host, _, _): said = "relayed \(host)"
        case .failed(let status, _, let reply): said = "failed \(status) \(reply)"
        case .deferred(_, let status, _, let reply): said = "deferred \(status) \(reply)"
        case .uncertain, nil: said = "?"
        }
      }
      return said
    }

    /// The sessions by policy type and result.
    var account: [String] {
      counted.withLock { $0.map { "\($0.policyType) \($0.result.isEmpty ? "success" : $0.result)" } }
    }
  }

  func staging(
    _ behaviour: SecureServer.Behaviour = .init(), names: [String] = [host], trusted: Bool = false, proven: Bool = true,
    _ body: (Stage) async throws -> Void
  ) async throws {
    let stage = try await Stage(behaviour, names: names, trusted: trusted, proven: proven)
    let result: Result<Void, any Error>
    do { result = .success(try await body(stage)) } catch { result = .failure(error) }
    await stage.end()
    try result.get()
  }

  static func document(_ mode: String, mx: String = host) -> String {
    "version: STSv1\nmode: \(mode)\nmx: \(mx)\nmax_age: 600\n"
  }

  // MARK: DANE

  @Test func aServerThatItsRecordIsAboutGetsTheMail() async throws {
    try await staging(names: ["elsewhere.example"]) { stage async throws in
      stage.tlsa(try stage.record())
      let said = try await stage.send()
      #expect(said.hasPrefix("relayed") && said.contains("verified by DANE-EE"), "\(said)")
      #expect(stage.account == ["tlsa success"])
    }
  }

  @Test func aServerThatItsRecordIsNotAboutGetsNothing() async throws {
    try await staging(trusted: true) { stage async throws in
      stage.tlsa(try stage.record { $0.data[0] ^= 1 })
      // Neither a valid certificate nor MTA-STS helps.
      let said = try await stage.send(sts: Self.document("enforce"))
      #expect(said.hasPrefix("deferred 4.7.5") && said.contains("its TLSA records ask for it"), "\(said)")
      #expect(said.lowercased().contains("no matching dane tlsa records"), "\(said)")
      #expect(stage.server.messages == 0 && !stage.server.commands.contains { $0.line.hasPrefix("MAIL") })
      #expect(stage.account == ["tlsa validation-failure"])
      // The sender may say that it does not matter; what is configured does.
      #expect(try await stage.send(.waived).hasPrefix("relayed"))
      let policy = "[[tls-policy]]\ndomains = [\"far.example\"]\nmode = \"dane\"\n"
      #expect(try await stage.send(.waived, policy: policy).hasPrefix("deferred"))
    }
  }

  @Test func recordsThatCannotBeUsedAskForTLSAlone() async throws {
    try await staging { stage async throws in
      stage.tlsa(try stage.record { $0.usage = 1 })
      #expect(try await stage.send().contains("certificate not verified"))
      #expect(stage.account == ["tlsa tlsa-invalid"])
    }
    var behaviour = SecureServer.Behaviour()
    behaviour.offersStartTLS = false
    try await staging(behaviour) { stage async throws in
      stage.tlsa(try stage.record { $0.usage = 1 })
      #expect(try await stage.send().hasPrefix("deferred 4.7.4"))
      #expect(stage.server.messages == 0)
    }
  }

  @Test(arguments: [DNSFailure.Kind.serverFailure, .bogus])
  func aFailedLookUpMakesTheServerWait(_ kind: DNSFailure.Kind) async throws {
    try await staging { stage async throws in
      stage.dns.fail("_\(stage.server.port)._tcp.\(Self.host)", .tlsa, kind)
      let said = try await stage.send()
      #expect(said.hasPrefix("deferred 4.4.3") && said.contains("_tcp.\(Self.host)"), "\(said)")
      #expect(stage.server.commands.isEmpty)
      #expect(stage.account == ["tlsa dnssec-invalid"])
    }
  }

  // MARK: MTA-STS

  @Test func enforcedMeansProven() async throws {
    try await staging(trusted: true, proven: false) { stage async throws in
      #expect(try await stage.send(sts: Self.document("enforce")).contains("certificate verified"))
      #expect(stage.account == ["sts success"])
      let said = try await stage.send(sts: Self.document("enforce", mx: "other.far.example"))
      #expect(said.hasPrefix("deferred 4.7.5") && said.contains("does not name \(Self.host)"), "\(said)")
    }
    try await staging(trusted: false, proven: false) { stage async throws in
      let said = try await stage.send(sts: Self.document("enforce"))
      #expect(said.hasPrefix("deferred 4.7.5") && said.contains("MTA-STS policy of far.example"), "\(said)")
      #expect(stage.server.messages == 0)
      #expect(stage.account == ["sts certificate-not-trusted"])
      #expect(try await stage.send(.waived, sts: Self.document("enforce")).hasPrefix("relayed"))
    }
  }

  @Test func aTestIsReportedAndNothingElse() async throws {
    try await staging(trusted: false, proven: false) { stage async throws in
      #expect(try await stage.send(sts: Self.document("testing")).hasPrefix("relayed"))
      #expect(stage.account == ["sts certificate-not-trusted"])
    }
  }

  @Test func aPolicyThatCannotBeHadIsCountedOnce() async throws {
    try await staging(trusted: true, proven: false) { stage async throws in
      stage.dns.text("_mta-sts.far.example", "v=STSv1; id=1")
      #expect(try await stage.send().hasPrefix("relayed"))
      #expect(stage.account == ["sts sts-policy-fetch-error"])
    }
  }

  // MARK: The configuration

  @Test func whatIsConfiguredIsTheLeast() async throws {
    func policy(_ mode: String) -> String { "[[tls-policy]]\ndomains = [\"far.example\"]\nmode = \"\(mode)\"\n" }
    try await staging { stage async throws in
      #expect(try await stage.send(policy: policy("verify")).hasPrefix("deferred 4.7.5"))
      #expect(try await stage.send(policy: policy("dane")).hasPrefix("deferred 4.7.5"))
      #expect(try await stage.send(policy: policy("require")).contains("TLSv1.3"))
      #expect(try await stage.send(policy: policy("none")).contains("without TLS"))
      #expect(
        stage.account == [
          "no-policy-found certificate-not-trusted", "no-policy-found dane-required", "no-policy-found success",
        ])
    }
    var behaviour = SecureServer.Behaviour()
    behaviour.offersStartTLS = false
    try await staging(behaviour) { stage async throws in
      #expect(try await stage.send().contains("without TLS"))
      #expect(try await stage.send(policy: policy("require")).hasPrefix("deferred 4.7.4"))
      #expect(try await stage.send(.waived, policy: policy("require")).hasPrefix("deferred 4.7.4"))
      #expect(stage.account == ["no-policy-found starttls-not-supported", "no-policy-found starttls-not-supported"])
    }
  }

  // MARK: REQUIRETLS

  @Test func withREQUIRETLSAllTheWayItGoes() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.offersRequireTLS = true
    try await staging(behaviour) { stage async throws in
      stage.tlsa(try stage.record())
      #expect(try await stage.send(.required).contains("verified by DANE-EE"))
      let mail = stage.server.commands.first { $0.line.hasPrefix("MAIL") }
      #expect(mail?.line.hasSuffix("REQUIRETLS") == true && mail?.isEncrypted == true)
    }
    // By MTA-STS and a certificate.
    try await staging(behaviour, trusted: true, proven: false) { stage async throws in
      #expect(try await stage.send(.required, sts: Self.document("enforce")).contains("certificate verified"))
      #expect(stage.server.commands.contains { $0.line.hasPrefix("MAIL") && $0.line.hasSuffix("REQUIRETLS") })
    }
  }

  @Test func aServerWithoutREQUIRETLSMeansAnEndAtOnce() async throws {
    try await staging { stage async throws in
      stage.tlsa(try stage.record())
      let said = try await stage.send(.required)
      #expect(said.hasPrefix("failed 5.7.30") && said.contains(Self.host), "\(said)")
      #expect(!stage.server.commands.contains { $0.line.hasPrefix("MAIL") })
      // A notification goes all the same.
      #expect(try await stage.send(.required, from: nil).hasPrefix("relayed"))
    }
  }

  @Test func aServerThatProvesNothingMeansAnEndAtOnce() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.offersRequireTLS = true
    try await staging(behaviour, proven: false) { stage async throws in
      #expect(try await stage.send(.required).hasPrefix("failed 5.7.10"))
      #expect(stage.server.commands.isEmpty)
    }
    try await staging(behaviour, proven: true) { stage async throws in
      #expect(try await stage.send(.required).hasPrefix("failed 5.7.10"))
      #expect(!stage.server.commands.contains { $0.line.hasPrefix("MAIL") })
    }
  }

  @Test func whatMayYetBeMetWaits() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.offersRequireTLS = true
    try await staging(behaviour) { stage async throws in
      stage.tlsa(try stage.record { $0.data[0] ^= 1 })
      // Another exchanger is there, and cannot be reached now.
      stage.dns.mx("far.example", (10, Self.host), (20, "dead.far.example"), secure: true)
      stage.dns.host("dead.far.example", "127.0.0.2", secure: true)
      #expect(try await stage.send(.required).hasPrefix("deferred"))
      stage.dns.fail("dead.far.example", .a)
      stage.dns.fail("dead.far.example", .aaaa)
      #expect(try await stage.send(.required).hasPrefix("deferred 4.4.3"))
      #expect(stage.server.messages == 0)
    }
  }

  /// A server that cannot do TLS now may do it later.
  @Test func aHandshakeThatFailsMayYetSucceed() async throws {
    for change in [{ $0.breaksHandshake = true }, { $0.refusal = "454 4.7.0 not now" }]
      as [@Sendable (inout SecureServer.Behaviour) -> Void]
    {
      var behaviour = SecureServer.Behaviour()
      behaviour.offersRequireTLS = true
      change(&behaviour)
      try await staging(behaviour) { stage async throws in
        stage.tlsa(try stage.record())
        let said = try await stage.send(.required)
        #expect(said.hasPrefix("deferred 4.7.5"), "\(said)")
        #expect(stage.account == ["tlsa validation-failure"])
        #expect(stage.server.messages == 0)
      }
    }
    var behaviour = SecureServer.Behaviour()
    behaviour.refusal = "502 5.5.1 never"
    try await staging(behaviour) { stage async throws in
      stage.tlsa(try stage.record())
      #expect(try await stage.send(.required).hasPrefix("failed 5.7.10"))
    }
  }

  /// What is good enough for one message is not for another to the same domain.
  @Test func messagesOfDifferentWishesShareNoConnection() async throws {
    try await staging { stage async throws in
      let relay = "[relay]\ninternal-networks = [\"127.0.0.0/8\"]\n"
      let configuration = try Configuration(text: RunnerBench.text.replacing("[relay]\ndirect = false\n", with: relay))
      stage.tlsa(try stage.record())
      try await RunnerBench.run(
        configuration: configuration, trust: stage.trust, dns: stage.dns, port: stage.server.port
      ) {
        bench in
        bench.queue.add(to: ["a@far.example"])
        bench.queue.add(to: ["b@far.example"], transport: .required)
        bench.queue.add(to: ["c@far.example"], transport: .waived)
        await bench.queue.settled(3)
        #expect(bench.queue.attempts.count == 2)
        guard case .failed(let status, _, _) = bench.queue.outcome("b@far.example") else {
          Issue.record("it went out")
          return
        }
        #expect(status == "5.7.30")
      }
    }
  }

  // MARK: Routes

  @Test func aRouteMustMeetREQUIRETLSToo() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.offersRequireTLS = true
    try await staging(behaviour, names: ["127.0.0.1"], trusted: true) { stage async throws in
      for (mode, isFine) in [(Configuration.NextHop.TLSMode.opportunistic, true), (.verified, true), (.off, false)] {
        try await RunnerBench.run(
          smartHost: RunnerBench.hop(stage.server.port, tls: mode), trust: stage.trust
        ) { bench in
          bench.queue.add(to: ["a@far.example"], transport: .required)
          await bench.queue.settled(1)
          switch bench.queue.outcome("a@far.example") {
          case .relayed: #expect(isFine)
          case .failed(let status, _, _): #expect(!isFine && status == "5.7.10")
          default: Issue.record("\(String(describing: bench.queue.outcome("a@far.example")))")
          }
        }
      }
    }
  }
}
