import Glibc
import Testing

@testable import Reception

/// Second opinions: programs that people send mail with, where they are installed.
@Suite struct RealClientTests {
  @Test(.enabled(if: isInstalled("curl"))) func curl() async throws {
    try await House.with { (house: House) async throws in
      let folder = Folder()
      let file = folder.path + "/mail"
      // curl sends a file's line ends as they are.
      write(file, "From: anna@example.org\nSubject: by curl\n\n.a dot\nend\n")
      let access = "--user 'anna:\(House.password)' --mail-from anna@example.org --mail-rcpt bob@example.org -T \(file)"
      for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let (status, output) = await run(
          "curl -sS -k --ssl-reqd --login-options AUTH=\(mechanism) \(access) smtp://127.0.0.1:\(house.submission)")
        // Not every curl is built with SCRAM.
        guard mechanism != "SCRAM-SHA-256" || status == 0 else { continue }
        #expect(status == 0, "\(mechanism): \(output)")
      }
      #expect(await run("curl -sS -k \(access) smtps://127.0.0.1:\(house.submissions)").status == 0)
      let inbox = try await house.inbox("bob")
      #expect(inbox.count >= 3)
      #expect(inbox.allSatisfy { $0.contains("Subject: by curl\r\n\r\n.a dot\r\nend\r\n") })
      let wrong = await run(
        "curl -sS -k --ssl-reqd --user anna:wrong --mail-from anna@example.org --mail-rcpt bob@example.org -T \(file) "
          + "smtp://127.0.0.1:\(house.submission)")
      #expect(wrong.status != 0)
    }
  }

  @Test(.enabled(if: isInstalled("swaks"))) func swaks() async throws {
    try await House.with { (house: House) async throws in
      let common = "swaks --timeout 60s --helo client.example --from anna@example.org --header-X-Test swaks"
      let incoming = await run(
        "\(common) --server 127.0.0.1:\(house.smtp) --to anna@example.org --pipeline --from eve@elsewhere.example -tls")
      #expect(incoming.status == 0, "\(incoming.output)")
      for mechanism in ["PLAIN", "LOGIN"] {
        let sent = await run(
          "\(common) --server 127.0.0.1:\(house.submission) --to bob@example.org -tls --auth \(mechanism) "
            + "--auth-user anna --auth-password '\(House.password)'")
        #expect(sent.status == 0, "\(mechanism): \(sent.output)")
      }
      let relayed = await run("\(common) --server 127.0.0.1:\(house.smtp) --to x@elsewhere.example")
      #expect(relayed.status != 0 && relayed.output.contains("550 5.7.1"))
      #expect(try await house.inbox("anna").count == 1)
      #expect(try await house.inbox("bob").count == 2)
    }
  }

  @Test(.enabled(if: isInstalled("python3"))) func smtplib() async throws {
    try await House.with { (house: House) async throws in
      let folder = Folder()
      let script = folder.path + "/script"
      write(
        script,
        """
        import smtplib, ssl
        context = ssl._create_unverified_context()
        with smtplib.SMTP('127.0.0.1', \(house.submission), local_hostname='client.example') as s:
            s.starttls(context=context)
            s.login('anna', '\(House.password)')
            refused = s.sendmail('anna@example.org', ['bob@example.org', 'nobody@example.org'],
                'From: anna@example.org\\nSubject: one\\n\\nby smtplib\\n')
            assert list(refused) == ['nobody@example.org'], refused
            s.sendmail('anna@example.org', ['bob@example.org'],
                'From: anna@example.org\\nSubject: gr\\u00fc\\u00dfe\\n\\ntwo\\n'.encode('utf-8'),
                mail_options=['SMTPUTF8', 'BODY=8BITMIME'], rcpt_options=['NOTIFY=NEVER'])
            try:
                s.sendmail('bob@example.org', ['bob@example.org'], 'Subject: x\\n\\n')
                raise SystemExit('a stolen sender was accepted')
            except smtplib.SMTPSenderRefused as refusal:
                assert refusal.smtp_code == 550
        with smtplib.SMTP_SSL('127.0.0.1', \(house.submissions), context=context) as s:
            assert s.noop()[0] == 250 and s.vrfy('anna')[0] == 530
        """)
      let (status, output) = await run("python3 \(script)")
      #expect(status == 0, "\(output)")
      let inbox = try await house.inbox("bob")
      #expect(inbox.count == 2)
      #expect(inbox.last?.contains("UTF8SMTPSA") == true && inbox.last?.contains("gr\u{fc}\u{df}e") == true)
    }
  }

  @Test(.enabled(if: isInstalled("openssl"))) func openssl() async throws {
    try await House.with { (house: House) async throws in
      let (_, output) = await run(
        "printf 'EHLO c\\nQUIT\\n' | openssl s_client -crlf -quiet -starttls smtp -connect 127.0.0.1:\(house.smtp)")
      #expect(output.contains("250-mail.example.org greets c") && output.contains("221 2.0.0"), "\(output)")
      let old = await run("openssl s_client -tls1_1 -starttls smtp -connect 127.0.0.1:\(house.smtp) </dev/null")
      #expect(old.status != 0)
    }
  }
}

private func isInstalled(_ program: String) -> Bool {
  guard let path = getenv("PATH").map({ String(cString: $0) }) else { return false }
  return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
}

private func write(_ path: String, _ text: String) {
  guard let file = fopen(path, "w") else { return }
  fputs(text, file)
  fclose(file)
}

/// Runs a shell's command line and gives what it wrote.
private func run(_ command: String) async -> (status: Int32, output: String) {
  await withCheckedContinuation { continuation in
    Errand.run {
      guard let pipe = popen("(\(command)) 2>&1", "r") else {
        return continuation.resume(returning: (-1, "no shell"))
      }
      var output: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 4096)
      while case let count = fread(&piece, 1, piece.count, pipe), count > 0 { output += piece[..<count] }
      continuation.resume(returning: (pclose(pipe), String(decoding: output, as: UTF8.self)))
    }
  }
}
