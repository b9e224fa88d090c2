import Foundation
import NameServer
import Testing

/// MTA-STS with everything real: NSD, an HTTPS server at port 443, and an appliance as the server that the policy is about.
///
/// Each test has loopback addresses of its own, whose ports 25 and 443 only root may open.
@Suite("EndToEnd: MTA-STS", .serialized, .timeLimit(.minutes(10)))
struct PolicyHostTests {
  static let canRun = getuid() == 0 && NameServer.canRun
  static let reason: Comment = "ports 25 and 443 need root, and the zones need nsd and ldnsutils"

  /// An HTTPS server of Python's that answers with what a file holds just now: status, then body.
  private final class PolicyHost {
    let folder: Folder
    let address: String
    private let process: Child

    init(_ address: String, certificate: String, key: String) throws {
      self.address = address
      folder = try Folder()
      let script = try folder.write(
        "server.py",
        """
        import http.server, ssl
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = open('\(folder.file("answer"))', 'rb').read().split(b'\\n', 1)
                open('\(folder.file("asked"))', 'a').write(self.headers['Host'] + self.path + '\\n')
                self.send_response(int(status))
                self.send_header('Content-Type', 'text/plain')
                self.send_header('Location', 'https://mta-sts.far.example/elsewhere')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        server = http.server.ThreadingHTTPServer(('\(address)', 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain('\(certificate)', '\(key)')
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.serve_forever()

        """)
      process = try Child(["python3", script], errors: folder.file("log"))
      Leftovers.add(process.processID)
      try TestAppliance.wait("the HTTPS server answers") { (try? Wire(address, port: 443)) != nil }
    }

    deinit { process.end() }

    func answer(_ status: Int = 200, _ policy: String) throws {
      _ = try folder.write("answer", "\(status)\n\(policy)")
    }

    var asked: [Substring] {
      ((try? String(contentsOfFile: folder.file("asked"), encoding: .utf8)) ?? "").split(separator: "\n")
    }
  }

  /// An office that trusts the certificate of two servers far away, of which one runs.
  private struct World {
    let names: NameServer
    let host: PolicyHost
    let far: TestAppliance
    let office: TestAppliance
    /// Holds the certificate.
    private let folder: Folder

    /// - Parameter named: the names of the certificate.
    init(mail: String, web: String, named: String) throws {
      folder = try Folder()
      let (certificate, key) = (folder.file("certificate.pem"), folder.file("key.pem"))
      try TestCertificate.make(names: named, certificate: certificate, key: key)
      let trusted =
        "SSL_CERT_FILE=\(try folder.write("trusted.pem", String(contentsOfFile: certificate, encoding: .utf8)))"
      names = try NameServer([
        .init(
          "far.example",
          """
          @ IN MX 10 mail
          mail IN A \(mail)
          mta-sts IN A \(web)
          _mta-sts IN TXT "v=STSv1; id=1"
          """),
        // Nothing is proven without an anchor, and far.example stands below none.
        .init("signed.example", "@ IN A \(mail)", signing: .signed),
      ])
      let dns = """
        [dns]
        servers = ["127.0.0.1@\(names.port)"]
        trust-anchors = [\(names.trustAnchors.map { "\"\($0.replacing("\t", with: " "))\"" }.joined(separator: ", "))]
        [relay]
        internal-networks = ["127.0.78.0/24"]

        """
      host = try PolicyHost(web, certificate: certificate, key: key)
      far = try TestAppliance(
        domain: "far.example", accounts: ["bob"],
        extra: dns + """
          [smtp]
          listen = ["\(mail):25"]
          [tls]
          certificate = "\(certificate)"
          key = "\(key)"

          """, plaintext: true, launcher: ["env", trusted])
      office = try TestAppliance(accounts: ["alice"], extra: dns, plaintext: true, launcher: ["env", trusted])
      try far.start()
      try office.start()
    }
  }

  private static func policy(_ exchanger: String, mode: String = "enforce") -> String {
    "version: STSv1\r\nmode: \(mode)\r\nmx: \(exchanger)\r\nmax_age: 604800\r\n"
  }

  @Test(.enabled(if: canRun, reason))
  func aPolicyIsFetchedKeptAndObeyed() throws {
    let world = try World(mail: "127.0.78.1", web: "127.0.78.2", named: "DNS:mail.far.example,DNS:mta-sts.far.example")
    try world.host.answer(200, Self.policy("mail.far.example"))
    try world.office.submit(to: ["bob@far.example"])
    let trace = try world.office.trace(of: "bob@far.example", says: "relayed")
    #expect(trace.contains("certificate verified"), "\(trace)")
    #expect(world.host.asked == ["mta-sts.far.example/.well-known/mta-sts.txt"])
    // What was fetched is in the database: another start needs nobody.
    world.office.stop()
    try world.host.answer(500, "")
    try world.office.start()
    try world.office.submit(to: ["bob@far.example"])
    try TestAppliance.wait("the second arrives") { try world.far.count("bob") == 2 }
    #expect(world.host.asked.count == 1)

    // The domain's own administrator is told what is wrong with it.
    func check() throws -> String { try world.far.command(["dns", "check", "far.example"]).output }
    #expect(try check().contains("mta-sts.far.example answered with status 500"))
    try world.host.answer(302, "")
    #expect(try check().contains("mta-sts.far.example answered with status 302"))
    try world.host.answer(200, "nothing of the kind")
    #expect(try check().contains("is no policy"))
    try world.host.answer(200, Self.policy("other.far.example"))
    #expect(try check().contains("The policy does not name mail.far.example"))
    try world.host.answer(200, Self.policy("mail.far.example"))
    #expect(try check().contains("MTA-STS: good"))
  }

  @Test(.enabled(if: canRun, reason))
  func mailWaitsForAServerThatThePolicyDoesNotName() throws {
    let world = try World(mail: "127.0.78.3", web: "127.0.78.4", named: "DNS:mail.far.example,DNS:mta-sts.far.example")
    try world.host.answer(200, Self.policy("other.far.example"))
    try world.office.submit(to: ["bob@far.example"])
    let trace = try world.office.trace(of: "bob@far.example", says: "deferred")
    #expect(trace.contains("the MTA-STS policy of far.example does not name mail.far.example"), "\(trace)")
    #expect(try world.far.count("bob") == 0)
  }

  @Test(.enabled(if: canRun, reason))
  func mailWaitsForACertificateOfAnotherName() throws {
    let world = try World(mail: "127.0.78.5", web: "127.0.78.6", named: "DNS:mta-sts.far.example")
    try world.host.answer(200, Self.policy("mail.far.example"))
    try world.office.submit(to: ["bob@far.example"])
    let trace = try world.office.trace(of: "bob@far.example", says: "deferred")
    #expect(trace.lowercased().contains("hostname mismatch"), "\(trace)")
    #expect(try world.far.count("bob") == 0)
  }

  /// A policy that nobody vouches for is none (RFC 8461 §3.3), so the mail goes as it can.
  @Test(.enabled(if: canRun, reason))
  func aPolicyOfAWrongCertificateCountsForNothing() throws {
    let world = try World(mail: "127.0.78.7", web: "127.0.78.8", named: "DNS:mail.far.example")
    try world.host.answer(200, Self.policy("other.far.example"))
    try world.office.submit(to: ["bob@far.example"])
    _ = try world.office.trace(of: "bob@far.example", says: "relayed")
    #expect(world.host.asked.isEmpty)
    #expect(try world.far.count("bob") == 1)
  }
}
