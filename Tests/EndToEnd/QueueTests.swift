import Foundation
import Testing

/// The queue under an administrator's hands, and what senders are told.
@Suite("EndToEnd: the queue") struct QueueTests {
  private func send(_ office: TestAppliance, to recipient: String, notify: String? = nil, subject: String = "out")
    throws -> String
  {
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("AUTH PLAIN \(Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString())", 235)
    try wire.ask("MAIL FROM:<alice@office.example> RET=HDRS ENVID=job+2B1", 250)
    try wire.ask("RCPT TO:<\(recipient)>" + (notify.map { " NOTIFY=\($0)" } ?? ""), 250)
    try wire.ask("DATA", 354)
    try wire.say("From: alice@office.example\r\nSubject: \(subject)\r\n\r\nsecret body\r\n.")
    return try wire.expect(250)
  }

  /// A port on which nobody listens; bound, so that nobody can begin to.
  private final class ClosedPort {
    let number: Int
    private let descriptor: Int32

    init() {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let descriptor = descriptor
      _ = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
        }
      }
      number = Int(in_port_t(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
  }

  @Test func waitingMailCanBeListedHeldReleasedRetriedAndDeleted() throws {
    let closed = ClosedPort()
    defer { withExtendedLifetime(closed) {} }
    let office = try TestAppliance.running(
      extra: "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(closed.number)\"\n", plaintext: true)
    _ = try send(office, to: "x@remote.example")
    try TestAppliance.wait("an attempt has failed") {
      (try office.list("queue", "list").first?["attempts"] as? Int ?? 0) >= 1
    }
    let row = try #require(try office.list("queue", "list").first)
    #expect(row["recipient"] as? String == "x@remote.example")
    #expect(row["state"] as? String == "queued")
    let id = try #require(row["id"] as? String)
    try office.tell("queue", "hold", id)
    #expect(try office.list("queue", "list").first?["state"] as? String == "held")
    office.kill()
    try office.start()
    #expect(try office.list("queue", "list", "--state", "held").count == 1, "a restart forgets nothing")

    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["x"], plaintext: true)
    let port = try remote.port("smtp")
    try office.configure {
      $0.replacingOccurrences(
        of: #"host = "127.0.0.1:\d+""#, with: "host = \"127.0.0.1:\(port)\"", options: .regularExpression)
    }
    try office.tell("reload")
    try office.tell("queue", "release", id)
    try TestAppliance.wait("it arrives at the new route") { try remote.count("x") == 1 }
    #expect(try office.list("queue", "list").isEmpty)

    _ = try send(office, to: "y@remote.example", subject: "refused there")
    try TestAppliance.wait("the sender is told") { try office.count("alice") == 1 }
    let notice = try office.imap().imap("FETCH 1 (BODY.PEEK[])").joined(separator: "\n")
    for words in [
      "multipart/report", "report-type=delivery-status", "Final-Recipient: rfc822;", "y@remote.example",
      "Action: failed", "Status: 5.1.1", "Original-Envelope-Id: job+1", "Return-Path: <>",
    ] {
      #expect(notice.contains(words), "\(words) is missing in:\n\(notice)")
    }
    #expect(!notice.contains("secret body"), "RET=HDRS")
    #expect(try office.tell("fsck").contains("Sound"))
  }

  @Test func waitingMailIsChosenByWhatIsKnownOfIt() throws {
    let closed = ClosedPort()
    defer { withExtendedLifetime(closed) {} }
    let route = { (name: String) in
      "[[route]]\ndomains = [\"\(name).example\"]\nhost = \"127.0.0.1:\(closed.number)\"\n"
    }
    let office = try TestAppliance.running(extra: route("one") + route("two"), plaintext: true)
    for recipient in ["x@one.example", "y@one.example", "z@two.example"] { _ = try send(office, to: recipient) }
    try TestAppliance.wait("all have been tried") {
      try office.list("queue", "list").filter { ($0["attempts"] as? Int ?? 0) > 0 }.count == 3
    }
    func chosen(_ options: String...) throws -> [String] {
      let done = try office.command(["queue", "list", "--json"] + options)
      guard done.status == 0 else { throw TestAppliance.Failed(description: "\(done)") }
      return done.output.split(separator: "\n").compactMap { line in
        let row = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return row?["recipient"] as? String
      }
    }
    #expect(try chosen("--destination", "one.example") == ["x@one.example", "y@one.example"])
    #expect(try chosen("--destination", "ONE.example", "--recipient", "y@one.example") == ["y@one.example"])
    #expect(try chosen("--sender", "alice@office.example").count == 3)
    #expect(try chosen("--sender", "<>").isEmpty)
    #expect(try chosen("--age", "1 h").isEmpty)
    #expect(try chosen("--age", "0 s").count == 3)
    #expect(try chosen("--reason", "OUT OF REACH", "--destination", "two.example").count <= 1)
    #expect(try chosen("--reason", "nothing said so").isEmpty)
    #expect(try chosen("--state", "held").isEmpty)
    try office.tell("queue", "hold", "--destination", "one.example")
    #expect(try chosen("--state", "held") == ["x@one.example", "y@one.example"])
    #expect(try chosen("--state", "queued") == ["z@two.example"])
    let id = try #require(try office.list("queue", "list", "--destination", "two.example").first?["id"] as? String)
    #expect(try chosen(id) == ["z@two.example"])

    let status = try #require(try office.list("status").first)
    let destinations = status["destinations"] as? [[String: Any]] ?? []
    #expect(destinations.map { $0["name"] as? String } == ["two.example"])
    let text = try office.tell("status")
    #expect(text.contains("Delayed    two.example: 1 since") && text.contains("is left alone until"))
    try office.tell("queue", "delete", "--destination", "one.example")
    #expect(try chosen() == ["z@two.example"])
    #expect(try office.tell("fsck").contains("Sound"))
  }

  @Test func successIsTold() throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["x"], plaintext: true)
    let office = try TestAppliance.running(
      extra: "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(try remote.port("smtp"))\"\n",
      plaintext: true)
    _ = try send(office, to: "bob@office.example", notify: "SUCCESS")
    try TestAppliance.wait("delivered is told") { try office.count("alice") == 1 }
    let notice = try office.imap().imap("FETCH 1 (BODY.PEEK[])").joined(separator: "\n")
    #expect(notice.contains("Action: delivered"))
    // NOTIFY=NEVER: nothing is told, whatever happens.
    _ = try send(office, to: "nobody@remote.example", notify: "NEVER")
    try TestAppliance.wait("the queue is empty") { try office.list("queue", "list").isEmpty }
    #expect(try office.count("alice") == 1)
  }

  @Test func mailWithoutAWayOutIsRefusedAtOnce() throws {
    let office = try TestAppliance.running(plaintext: true)
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("AUTH PLAIN \(Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString())", 235)
    try wire.ask("MAIL FROM:<alice@office.example>", 250)
    try wire.say("RCPT TO:<x@nowhere.example>")
    #expect(try wire.line().hasPrefix("5"))
  }
}
