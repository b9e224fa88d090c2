import Foundation
import Testing

/// Real mail programs against the built binary.
@Suite("EndToEnd: mail programs") struct ClientsTests {
  @Test func curlReadsOverIMAPSWithTheRightCertificate() throws {
    let office = try TestAppliance.running()
    try office.receive(to: ["alice@office.example"], "From: x@elsewhere.example\r\nSubject: via curl\r\n\r\nhello curl")
    let certificate = office.folder.file("data/certificate.pem")
    let read = try Program.run(
      "curl",
      [
        "-sS", "--cacert", certificate, "--resolve", "mail.office.example:\(try office.port("imaps")):127.0.0.1",
        "--user", "alice:\(TestAppliance.password)",
        "imaps://mail.office.example:\(try office.port("imaps"))/INBOX;MAILINDEX=1",
      ])
    #expect(read.output.contains("hello curl"), "\(read)")
  }

  @Test(arguments: ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
  func swaksAuthenticatesWithEveryMechanism(_ mechanism: String) throws {
    // swaks knows no SCRAM; Python's own client below does that one.
    let office = try TestAppliance.running(plaintext: true)
    if mechanism == "SCRAM-SHA-256" {
      let done = try Program.run("python3", ["-c", Self.scram(port: try office.port("submission"))])
      #expect(done.output.contains("235"), "\(done)")
    } else {
      let sent = try Program.run(
        "swaks",
        [
          "--server", "127.0.0.1", "--port", String(try office.port("submissions")), "--tls-on-connect", "--auth",
          mechanism, "--auth-user", "alice", "--auth-password", TestAppliance.password, "--from",
          "alice@office.example", "--to", "bob@office.example", "--attach", "@\(office.configurationFile)",
        ])
      #expect(sent.status == 0, "\(sent)")
      #expect(try office.count("bob") == 1)
    }
  }

  /// SCRAM-SHA-256 by hand over STARTTLS (RFC 7677).
  static func scram(port: Int) -> String {
    """
    import base64, hashlib, hmac, os, smtplib, ssl
    context = ssl._create_unverified_context()
    s = smtplib.SMTP("127.0.0.1", \(port), timeout=120); s.starttls(context=context); s.ehlo()
    def b(x): return base64.b64encode(x).decode()
    nonce = b(os.urandom(12))
    bare = "n=alice,r=" + nonce
    code, first = s.docmd("AUTH", "SCRAM-SHA-256 " + b(("n,," + bare).encode()))
    server = base64.b64decode(first).decode()
    parts = dict(p.split("=", 1) for p in server.split(","))
    assert parts["r"].startswith(nonce)
    salted = hashlib.pbkdf2_hmac("sha256", b"\(TestAppliance.password)", base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256"); stored = hashlib.sha256(key).digest()
    final = "c=" + b(b"n,,") + ",r=" + parts["r"]
    signature = hmac.digest(stored, (bare + "," + server + "," + final).encode(), "sha256")
    proof = bytes(x ^ y for x, y in zip(key, signature))
    code, answer = s.docmd(b((final + ",p=" + b(proof)).encode()))
    if code == 334:
        verifier = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), (bare + "," + server + "," + final).encode(), "sha256")
        assert base64.b64decode(answer).decode() == "v=" + b(verifier), answer
        code, answer = s.docmd("")
    print(code, answer)
    """
  }

  /// Python's smtplib and imaplib do a day's work: send, read, flag, copy, search, append, delete.
  @Test func pythonDoesADaysWork() throws {
    let office = try TestAppliance.running(plaintext: true)
    let script = """
      import imaplib, smtplib, ssl, time
      from email.message import EmailMessage
      context = ssl._create_unverified_context()
      m = EmailMessage()
      m["From"], m["To"], m["Subject"] = "alice@office.example", "bob@office.example", "Grüße"
      m.set_content("Schöne Grüße\\n")
      m.add_attachment(b"\\x00\\x01" * 200000, maintype="application", subtype="x-thing", filename="größe.bin")
      with smtplib.SMTP("127.0.0.1", \(try office.port("submission")), timeout=120) as s:
          s.starttls(context=context); s.login("alice", "\(TestAppliance.password)"); s.send_message(m)
      b = imaplib.IMAP4("127.0.0.1", \(try office.port("imap")), timeout=120)
      b.starttls(context); b.login("bob", "\(TestAppliance.password)")
      assert b.select()[1] == [b"1"]
      import email, email.policy
      raw = b.fetch("1", "(RFC822)")[1][0][1]
      got = email.message_from_bytes(raw, policy=email.policy.default)
      assert got["Subject"] == "Grüße", got["Subject"]
      assert [p.get_content() for p in got.iter_attachments()] == [b"\\x00\\x01" * 200000]
      assert b.search(None, "SUBJECT", '"Gr"')[1] == [b"1"]
      b.literal = "Grüße".encode()
      assert b.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT")[1] == [b"1"]
      assert b.store("1", "+FLAGS", r"(\\Flagged project)")[0] == "OK"
      assert b.create("Archive/2026")[0] == "OK" and b.subscribe("Archive/2026")[0] == "OK"
      assert b.copy("1", "Archive/2026")[0] == "OK"
      assert b.append("Sent", r"(\\Seen)", imaplib.Time2Internaldate(time.time()), raw)[0] == "OK"
      assert b.store("1", "+FLAGS", r"\\Deleted")[0] == "OK" and b.expunge()[1] == [b"1"]
      assert b.select('"Archive/2026"')[1] == [b"1"]
      flags = b.fetch("1", "(FLAGS)")[1][0]
      assert b"Flagged" in flags and b"project" in flags, flags
      assert b.close()[0] == "OK" and b.delete('"Archive/2026"')[0] == "OK"
      assert b.select("Sent", readonly=True)[1] == [b"1"]
      b.logout()
      print("done")
      """
    let done = try Program.run("python3", ["-c", script])
    #expect(done.output == "done\n", "\(done)\n\(office.log)")
  }

  /// isync keeps a Maildir and the appliance the same, both ways.
  @Test func isyncMirrorsBothWays() throws {
    let office = try TestAppliance.running(plaintext: true)
    for number in 1...3 {
      try office.receive(to: ["alice@office.example"], "Subject: number \(number)\r\n\r\nbody \(number)")
    }
    let config = try office.folder.write(
      "mbsyncrc",
      """
      IMAPAccount office
      Host 127.0.0.1
      Port \(try office.port("imap"))
      User alice
      Pass "\(TestAppliance.password)"
      SSLType None
      AuthMechs LOGIN

      IMAPStore remote
      Account office

      MaildirStore local
      Path \(office.folder.file("mail"))/
      Inbox \(office.folder.file("mail"))/INBOX
      SubFolders Verbatim

      Channel all
      Far :remote:
      Near :local:
      Patterns *
      Create Both
      Expunge Both
      SyncState *

      """)
    try FileManager.default.createDirectory(atPath: office.folder.file("mail"), withIntermediateDirectories: true)
    let first = try Program.run("mbsync", ["-c", config, "-a"])
    #expect(first.status == 0, "\(first)")
    let inbox = office.folder.url.appendingPathComponent("mail/INBOX")
    let new = try FileManager.default.contentsOfDirectory(atPath: inbox.appendingPathComponent("new").path)
    #expect(new.count == 3)
    // Read one, and write one here.
    let name = try #require(new.first)
    try FileManager.default.moveItem(
      at: inbox.appendingPathComponent("new/\(name)"),
      to: inbox.appendingPathComponent("cur/\(name.split(separator: ":")[0]):2,S"))
    try Data("From: me@office.example\nSubject: local\n\nmade here\n".utf8).write(
      to: inbox.appendingPathComponent("cur/1.local:2,S"))
    let second = try Program.run("mbsync", ["-c", config, "-a"])
    #expect(second.status == 0, "\(second)")
    let alice = try office.imap()
    #expect(try office.count() == 4)
    #expect(try alice.imap("SEARCH SEEN").first?.split(separator: " ").count == 4)
  }

  @Test func muttShowsTheMailbox() throws {
    let office = try TestAppliance.running(plaintext: true)
    try office.receive(
      to: ["alice@office.example"], "From: Mia <mia@elsewhere.example>\r\nSubject: for mutt\r\n\r\nhello mutt")
    let url = "imap://alice@127.0.0.1:\(try office.port("imap"))/INBOX"
    let rc = try office.folder.write(
      "muttrc",
      """
      set imap_pass="\(TestAppliance.password)"
      set ssl_starttls=no
      set ssl_force_tls=no
      set folder="imap://alice@127.0.0.1:\(try office.port("imap"))/"
      set header_cache=""
      set pipe_decode=yes
      set wait_key=no
      push "<pipe-message>cat > \(office.folder.file("seen"))<enter><exit>"

      """)
    _ = try Program.run(
      "script", ["-qec", "mutt -n -F \(rc) -f '\(url)'", "/dev/null"], environment: ["TERM": "xterm"], seconds: 120)
    let seen = (try? String(contentsOfFile: office.folder.file("seen"), encoding: .utf8)) ?? ""
    #expect(seen.contains("hello mutt"), "\(seen)\n\(office.log)")
  }

  @Test(arguments: ["smtp", "submission", "imap"])
  func opensslTalksStartTLS(_ service: String) throws {
    let office = try TestAppliance.running()
    let done = try Program.run(
      "openssl",
      [
        "s_client", "-connect", "127.0.0.1:\(try office.port(service))", "-starttls",
        service == "imap" ? "imap" : "smtp",
        "-servername", "mail.office.example", "-CAfile", office.folder.file("data/certificate.pem"), "-verify_hostname",
        "mail.office.example", "-verify_return_error", "-ign_eof",
      ], input: service == "imap" ? "a LOGOUT\r\n" : "QUIT\r\n")
    #expect(done.status == 0 && done.output.contains("Verify return code: 0"), "\(done)")
    let old = try Program.run(
      "openssl",
      [
        "s_client", "-connect", "127.0.0.1:\(try office.port(service))", "-starttls",
        service == "imap" ? "imap" : "smtp",
        "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0",
      ], input: "")
    #expect(!old.output.contains("Protocol  : TLSv1.1") || old.status != 0, "TLS 1.1 was accepted")
  }
}
