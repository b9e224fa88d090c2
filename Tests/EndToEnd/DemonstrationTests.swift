import Foundation
import Testing

/// `make run`: what it prints for a newcomer is true.
@Suite("EndToEnd: the demonstration") struct DemonstrationTests {
  /// The value behind a word of the printed invitation.
  private func value(_ invitation: String, _ pattern: Regex<(Substring, Substring)>) throws -> String {
    String(try #require(try pattern.firstMatch(in: invitation), "\(invitation)").output.1)
  }

  @Test func theInvitationIsTrueAndOnlyWhereItRuns() throws {
    let folder = try Folder()
    let (home, output) = (folder.file("home"), try folder.write("out", ""))
    let process = try Child([TestAppliance.binary, "serve", "--demo", home, "--demo-ports", "0"], output: output)
    defer { process.end() }
    func printed() throws -> String { try String(contentsOfFile: output, encoding: .utf8) }
    try TestAppliance.wait("the invitation") { try printed().contains("Stop with Ctrl-C.") }
    let text = try printed()

    // Another one finds the folder taken, says so, and invites nobody.
    let second = try Program.run(TestAppliance.binary, ["serve", "--demo", home, "--demo-ports", "0"])
    #expect(second.status == 1 && second.errors.contains("is in use"), "\(second)")
    #expect(!second.output.contains("Connect a mail program"), "\(second)")

    let alice = try value(text, /user alice +password (\S+)/)
    let bob = try value(text, /user bob +password (\S+)/)
    let certificate = try value(text, /self-made \((\S+)\)/)
    let file = try folder.write("mail", "From: alice@postroom.example\r\nSubject: to try it\r\n\r\nx\r\n")
    let send = ["-sS", "--cacert", certificate, "--user", "alice:\(alice)", "--mail-from", "alice@postroom.example"]
    let to = ["--mail-rcpt", "bob@postroom.example", "--upload-file", file]
    let secure = try value(text, /sending +SMTP +(\S+) with TLS/)
    let starting = try value(text, /sending .* (\S+) with STARTTLS/)
    for place in [["smtps://\(secure)"], ["--ssl-reqd", "smtp://\(starting)"]] {
      let sent = try Program.run("curl", send + to + place)
      #expect(sent.status == 0, "\(sent)")
    }
    let outside = try value(text, /from outside +(\S+)/)
    let received = try Program.run(
      "curl", ["-sS", "--mail-from", "a@elsewhere.example"] + to + ["smtp://\(outside)/elsewhere.example"])
    #expect(received.status == 0, "\(received)")
    let read = ["-sS", "--cacert", certificate, "--user", "bob:\(bob)"]
    for place in [
      ["imaps://\(try value(text, /reading +IMAP +(\S+) with TLS/))/INBOX;MAILINDEX=3"],
      ["--ssl-reqd", "imap://\(try value(text, /reading .* (\S+) with STARTTLS/))/INBOX;MAILINDEX=3"],
    ] {
      let mail = try Program.run("curl", read + place)
      #expect(mail.output.contains("Subject: to try it"), "\(mail)")
    }
    let trace = try Program.run("sh", ["-c", try value(text, /Where is my message\? +(.+)/)])
    #expect(trace.output.contains("to try it"), "\(trace)")

    process.signal(SIGINT)
    #expect(process.wait() == 0)
  }
}
