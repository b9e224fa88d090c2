import Foundation
import NameServer
import Testing

/// Mail between two appliances whose DNS is a signed zone of a real NSD.
///
/// The receiving one has port 25 of a loopback address of its own, which only root may open.
@Suite("EndToEnd: transport security", .serialized, .timeLimit(.minutes(10)))
struct TransportSecurityTests {
  static let canRun = getuid() == 0 && NameServer.canRun
  static let reason: Comment = "port 25 needs root, and the zones need nsd and ldnsutils"

  /// An office, a host far away, and the DNS that both believe.
  struct World {
    let names: NameServer
    let office: TestAppliance
    let far: TestAppliance

    /// - Parameter address: of the far host; each test has its own.
    init(address: String) throws {
      let folder = try Folder()
      let (certificate, key) = (folder.file("certificate.pem"), folder.file("key.pem"))
      let made = try Program.run(
        "openssl",
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
          certificate, "-days", "3650", "-subj", "/CN=mail.far.example", "-addext",
          "subjectAltName=DNS:mail.far.example",
        ])
      guard made.status == 0 else { throw TestAppliance.Failed(description: "openssl: \(made)") }
      let digest = try Program.run(
        "sh",
        [
          "-c",
          "openssl x509 -in \(certificate) -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1",
        ]
      ).output.trimmingCharacters(in: .whitespacesAndNewlines)
      let wrong = String(digest.reversed())
      names = try NameServer([
        .init(
          "far.example", "@ IN MX 10 mail\nmail IN A \(address)\n_25._tcp.mail IN TLSA 3 1 1 \(digest)",
          signing: .signed),
        .init(
          "wrong.example", "@ IN MX 10 mail\nmail IN A \(address)\n_25._tcp.mail IN TLSA 3 1 1 \(wrong)",
          signing: .signed),
        .init("plain.example", "@ IN MX 10 mail\nmail IN A \(address)"),
        .init("office.example", "@ IN MX 10 mail\nmail IN A 127.0.77.99", signing: .signed),
      ])
      let dns = """
        [dns]
        servers = ["127.0.0.1@\(names.port)"]
        trust-anchors = [\(names.trustAnchors.map { "\"\($0.replacing("\t", with: " "))\"" }.joined(separator: ", "))]
        [relay]
        internal-networks = ["127.0.77.0/24"]

        """
      far = try TestAppliance(
        domain: "far.example", accounts: ["bob"],
        extra: dns + """
          [smtp]
          listen = ["\(address):25"]
          [tls]
          certificate = "\(certificate)"
          key = "\(key)"

          """, plaintext: true)
      office = try TestAppliance(accounts: ["alice"], extra: dns, plaintext: true)
      try far.start()
      try office.start()
    }

    /// Sends as alice over STARTTLS; gives what the client printed.
    func send(to recipient: String, header: String = "", options: String = "") throws {
      let script = """
        import smtplib, ssl, sys
        context = ssl._create_unverified_context()
        client = smtplib.SMTP('127.0.0.1', \(try office.port("submission")), timeout=60)
        client.starttls(context=context)
        client.login('alice', '\(TestAppliance.password)')
        client.sendmail('alice@office.example', ['\(recipient)'],
          '\(header)From: alice@office.example\\r\\nTo: \(recipient)\\r\\nSubject: a secret\\r\\n\\r\\nthe body of it\\r\\n',
          mail_options=[\(options)])
        client.quit()
        """
      let sent = try Program.run("python3", ["-c", script])
      guard sent.status == 0 else { throw TestAppliance.Failed(description: "\(sent)\n\(office.log)") }
    }
  }

  @Test(.enabled(if: canRun, reason))
  func aMatchIsDeliveredAndAMismatchWaits() throws {
    let world = try World(address: "127.0.77.1")
    try world.send(to: "bob@far.example")
    let good = try world.office.trace(of: "bob@far.example", says: "relayed")
    #expect(good.contains("verified by DANE-EE"), "\(good)")
    #expect(try world.far.count("bob") == 1)

    try world.send(to: "bob@wrong.example")
    let bad = try world.office.trace(of: "bob@wrong.example", says: "deferred")
    #expect(
      bad.lowercased().contains("no matching dane tlsa records") && bad.contains("its TLSA records ask for it"),
      "\(bad)")
    // The sender does not mind: it gets there, and is refused for another reason.
    try world.send(to: "carl@wrong.example", header: "TLS-Required: No\\r\\n")
    let waived = try world.office.trace(of: "carl@wrong.example", says: "TLS-Required: No")
    #expect(waived.contains("TLS-Required: No"))
    _ = try world.office.trace(of: "carl@wrong.example", says: "failed")

    let reports = try world.office.list("tlsrpt", "show")
    func summary(_ domain: String) -> [String: Any]? {
      for report in reports {
        for entry in report["policies"] as? [[String: Any]] ?? []
        where (entry["policy"] as? [String: Any])?["policy-domain"] as? String == domain {
          return entry["summary"] as? [String: Any]
        }
      }
      return nil
    }
    #expect(summary("far.example")?["total-successful-session-count"] as? Int == 1)
    #expect(summary("wrong.example")?["total-failure-session-count"] as? Int ?? 0 >= 1)
  }

  @Test(.enabled(if: canRun, reason))
  func requireTLSGoesAllTheWayOrComesBackAtOnce() throws {
    let world = try World(address: "127.0.77.2")
    try world.send(to: "bob@far.example", options: "'REQUIRETLS'")
    _ = try world.office.trace(of: "bob@far.example", says: "relayed")
    #expect(try world.far.count("bob") == 1)
    let arrived = try world.far.command(["trace", "bob@far.example", "--limit", "1"]).output
    #expect(arrived.contains("REQUIRETLS"), "\(arrived)")

    // Nothing proves that host: an end at once, and only the header comes back.
    try world.send(to: "bob@plain.example", options: "'REQUIRETLS'")
    let failed = try world.office.trace(of: "bob@plain.example", says: "failed")
    #expect(failed.contains("5.7.10"), "\(failed)")
    try TestAppliance.wait("the notification") { try world.office.count("alice") == 1 }
    let wire = try world.office.imap("alice")
    let text = try wire.imap("FETCH 1 BODY[]").joined(separator: "\n")
    #expect(text.contains("Status: 5.7.10") && text.contains("Subject: a secret"), "\(text)")
    #expect(!text.contains("the body of it"))
    #expect(try world.far.count("bob") == 1)
  }
}
