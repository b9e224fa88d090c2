import Glibc
import Logging
import NIOPosix
import Network
import Platform
import Resolver
import SMTP
import Store
import Synchronization
import Testing

@testable import Relay

@Suite("The MTA-STS policy of a domain", .timeLimit(.minutes(5))) struct STSPolicyTests {
  static let domain = DomainName("example.net")!

  static func document(_ mode: String = "enforce", mx: String = "mx.example.net", age: Int = 604_800) -> [UInt8] {
    Array("version: STSv1\nmode: \(mode)\nmx: \(mx)\nmax_age: \(age)\n".utf8)
  }

  static func policy(mx: String = "mx.example.net", age: Int = 604_800) -> STSFinding {
    .policy(STSPolicy(mode: .enforce, patterns: [mx], maxAge: age))
  }

  final class Shelf: STSPolicyCache {
    private let policies = Mutex<[String: StoredSTSPolicy]>([:])

    func policy(of domain: String) async throws -> StoredSTSPolicy? { policies.withLock { $0[domain] } }
    func keep(_ policy: StoredSTSPolicy) async throws { policies.withLock { $0[policy.domain] = policy } }
    func stale(fetchedBefore: Moment, at now: Moment) async throws -> [String] {
      policies.withLock { $0.values.filter { $0.fetched < fetchedBefore && $0.expires > now }.map(\.domain) }
    }
  }

  /// A domain whose server says what the test wants.
  final class Bench: Sendable {
    let dns = FakeDNS()
    let time = ManualTime()
    let shelf = Shelf()
    let answer = Mutex<Result<[UInt8], STSFailure>>(.failure(STSFailure(kind: .fetch, reason: "nobody there")))
    let fetches = Mutex(0)

    func policies() -> STSPolicies {
      var log = Logger(label: "test")
      log.logLevel = .critical
      return STSPolicies(
        dns: dns,
        fetch: { [self] _ in
          fetches.withLock { $0 += 1 }
          return answer.withLock { $0 }
        }, cache: shelf, clock: time.clock, log: log)
    }

    func says(_ document: [UInt8]) { answer.withLock { $0 = .success(document) } }
    func isGone() { answer.withLock { $0 = .failure(STSFailure(kind: .fetch, reason: "nobody there")) } }
    var count: Int { fetches.withLock { $0 } }
  }

  @Test func withoutARecordNobodyIsAsked() async {
    let bench = Bench()
    bench.says(Self.document())
    #expect(await bench.policies().finding(for: Self.domain) == .absent)
    bench.dns.fail("_mta-sts.example.net", .txt)
    #expect(await bench.policies().finding(for: Self.domain) == .absent)
    #expect(bench.count == 0)
  }

  @Test func itIsFetchedOnceAndKept() async {
    let bench = Bench()
    bench.dns.text("_mta-sts.example.net", "v=STSv1; id=1;")
    bench.says(Self.document())
    let policies = bench.policies()
    #expect(await policies.finding(for: Self.domain) == Self.policy())
    bench.isGone()
    #expect(await policies.finding(for: Self.domain) == Self.policy())
    // After a restart too.
    #expect(await bench.policies().finding(for: Self.domain) == Self.policy())
    #expect(bench.count == 1)
    // RFC 8461 §5.1: it holds although the record is gone, or cannot be looked up, until it ends.
    bench.dns.remove("_mta-sts.example.net", .txt)
    #expect(await policies.finding(for: Self.domain) == Self.policy())
    bench.dns.fail("_mta-sts.example.net", .txt)
    #expect(await policies.finding(for: Self.domain) == Self.policy())
    bench.time.advance(.seconds(604_800))
    #expect(await policies.finding(for: Self.domain) == .absent)
  }

  @Test func anotherNumberMeansAnotherPolicy() async {
    let bench = Bench()
    bench.dns.text("_mta-sts.example.net", "v=STSv1; id=1;")
    bench.says(Self.document())
    let policies = bench.policies()
    _ = await policies.finding(for: Self.domain)
    bench.dns.text("_mta-sts.example.net", "v=STSv1; id=2;")
    bench.says(Self.document(mx: "mx2.example.net"))
    #expect(await policies.finding(for: Self.domain) == Self.policy(mx: "mx2.example.net"))
    // The new one cannot be had: the old one holds.
    bench.dns.text("_mta-sts.example.net", "v=STSv1; id=3;")
    bench.isGone()
    #expect(await policies.finding(for: Self.domain) == Self.policy(mx: "mx2.example.net"))
    bench.time.advance(.seconds(301))
    bench.says(Self.document("none"))
    #expect(await policies.finding(for: Self.domain) == .absent)
  }

  @Test func afterAFailureThereIsAPause() async {
    let bench = Bench()
    bench.dns.text("_mta-sts.example.net", "v=STSv1; id=1;")
    let policies = bench.policies()
    for _ in 0..<3 {
      #expect(
        await policies.finding(for: Self.domain) == .failed(STSFailure(kind: .fetch, reason: "nobody there")))
    }
    #expect(bench.count == 1)
    bench.time.advance(.seconds(300))
    bench.says(Array("<html>".utf8))
    guard case .failed(let failure) = await policies.finding(for: Self.domain) else {
      Issue.record("no failure")
      return
    }
    #expect(failure.kind == .invalid && bench.count == 2)
  }

  @Test func itIsRefreshedDaily() async {
    let bench = Bench()
    bench.dns.text("_mta-sts.example.net", "v=STSv1; id=1;")
    bench.says(Self.document())
    let policies = bench.policies()
    _ = await policies.finding(for: Self.domain)
    await policies.refresh()
    #expect(bench.count == 1)
    bench.time.advance(.seconds(86_401))
    bench.says(Self.document(mx: "mx3.example.net"))
    await policies.refresh()
    #expect(bench.count == 2)
    #expect(await policies.finding(for: Self.domain) == Self.policy(mx: "mx3.example.net"))
  }

  // MARK: Over HTTPS

  /// A web server for mta-sts.example.net on loopback.
  func serving(
    _ answer: String, names: [String] = ["mta-sts.example.net"],
    _ body: (_ fetch: STSFetch, _ dns: FakeDNS) async throws -> Void
  ) async throws {
    let own = try SelfMadeCertificate(names: names, now: Clock.system.now())
    let contexts = try TLSContexts([try own.certificate()])
    var template = Array("/tmp/postroom-sts-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    _ = own.certificatePEM.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    let group = MultiThreadedEventLoopGroup.singleton
    let listener = try await Listener.bind(
      .tcp(HostPort(host: "127.0.0.1", port: 0)),
      ListenerOptions(name: "web", limits: ConnectionLimits(.init()), implicitTLS: contexts), on: group)
    let running = Task {
      await listener.run { connection in
        while let line = try? await connection.line(limit: 4096, within: .seconds(30)), !line.bytes.isEmpty {}
        try? await connection.write(answer)
      }
    }
    let connector = Connector(on: group, resolverThreads: 1)
    let dns = FakeDNS()
    dns.address("mta-sts.example.net")
    let client = HTTPSClient(
      connector: connector, trust: try ClientTrust(roots: path), port: listener.address?.port ?? 0)
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(STSFetch(dns: dns, client: client, mayConnect: { _ in true }), dns))
    } catch {
      result = .failure(error)
    }
    running.cancel()
    await running.value
    await listener.close()
    await connector.shutDown()
    try result.get()
  }

  static func ok(_ body: [UInt8], type: String = "text/plain") -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\r\n"
      + String(decoding: body, as: UTF8.self)
  }

  func kind(_ result: Result<[UInt8], STSFailure>) -> STSFailure.Kind? {
    if case .failure(let failure) = result { failure.kind } else { nil }
  }

  @Test func aDocumentIsFetched() async throws {
    try await serving(Self.ok(Self.document())) { fetch, dns in
      #expect(await fetch.document(of: Self.domain) == .success(Self.document()))
      // Addresses that strangers point at our own network are left alone.
      let careful = STSFetch(dns: dns, client: fetch.client, mayConnect: { !$0.isInternal })
      #expect(kind(await careful.document(of: Self.domain)) == .fetch)
      dns.fail("mta-sts.example.net", .a)
      #expect(kind(await fetch.document(of: Self.domain)) == .fetch)
    }
  }

  @Test(arguments: [
    "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.example.net/other\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
    ok(document(), type: "text/html"), ok([UInt8](repeating: 97, count: 70_000)), "SSH-2.0-OpenSSH\r\n",
  ]) func whatIsNoDocument(_ answer: String) async throws {
    try await serving(answer) { fetch, _ in
      #expect(kind(await fetch.document(of: Self.domain)) == .fetch)
    }
  }

  @Test func aCertificateForAnotherNameIsToldApart() async throws {
    try await serving(Self.ok(Self.document()), names: ["example.net"]) { fetch, _ in
      #expect(kind(await fetch.document(of: Self.domain)) == .webPKI)
    }
  }
}
