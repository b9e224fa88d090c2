import Foundation
import Platform
import Testing

/// Input that ends the process, in each stage: after two crashes it no longer does, and other mail flows.
@Suite("EndToEnd: a poisoned message") struct PoisonTests {
  private static let word = "planted-trap"
  private static let poison = """
    Delivered-To: \(word)@elsewhere.example
    From: alice@office.example
    Subject: \(word)
    Content-Type: text/plain; name=\(word)

    \(word)
    """.replacingOccurrences(of: "\n", with: "\r\n")

  /// An appliance with a defect planted in one stage.
  private func office(_ stage: PlantedTrap, extra: String = "") throws -> TestAppliance {
    let office = try TestAppliance(extra: extra, plaintext: true)
    office.environment = ["POSTROOM_TRAP": stage.rawValue, "SWIFT_BACKTRACE": "enable=no"]
    try office.start()
    return office
  }

  /// Does something that ends the process, and starts it again.
  private func crash(
    _ office: TestAppliance, otherMailFlows: Bool = true, _ act: (TestAppliance) throws -> Void
  ) throws {
    #expect(throws: (any Error).self) { try act(office) }
    try TestAppliance.wait("the trap ends the process") { !office.isRunning }
    try office.start()
    guard otherMailFlows else { return }
    try office.receive(from: "good@elsewhere.example", to: ["bob@office.example"], "Subject: good\r\n\r\ngood")
  }

  /// From now on suspects are not put off any more.
  private func afterThePause(_ office: TestAppliance) throws {
    #expect(office.stop() == 0)
    office.environment["POSTROOM_CRASH_PAUSE"] = "0"
    try office.start()
  }

  // MARK: On its way in

  @Test(arguments: [PlantedTrap.scan, .filter, .plan]) func aStrangersMessageIsHeld(_ stage: PlantedTrap) throws {
    let office = try office(stage)
    let send: (TestAppliance) throws -> Void = {
      try $0.receive(from: "evil@elsewhere.example", to: ["alice@office.example"], Self.poison)
    }
    for _ in 0..<2 { try crash(office, send) }
    // Not now, before any content is taken.
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<evil@elsewhere.example>", 451)
    try TestAppliance.wait("the refusal in the trace") {
      try office.command(["trace", "--address", "evil@elsewhere.example"]).output.contains("Not now")
    }
    try afterThePause(office)
    for _ in 0..<2 { try send(office) }
    #expect(try office.count("alice") == 0)
    let held = try office.list("queue", "list", "--state", "held")
    let ids = held.compactMap { $0["id"] as? String }
    try #require(ids.count == 2)
    #expect((held[0]["said"] as? String)?.hasPrefix("crash: the process ended 2 times") == true)
    #expect(try office.tell("trace", "--address", "alice@office.example").contains("crash: the process ended 2 times"))
    // A person decides: one goes, one is let in.
    try office.tell("queue", "delete", ids[0])
    try office.tell("queue", "release", ids[1])
    #expect(try office.count("alice") == 1)
    #expect(try office.imap().imap("FETCH 1 BODY.PEEK[]").contains("Subject: \(Self.word)"))
    #expect(try office.tell("fsck").contains("Sound"))
  }

  private func submit(_ office: TestAppliance, to recipient: String) throws {
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("AUTH PLAIN \(Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString())", 235)
    let answer = try { () throws -> String in
      try wire.say("MAIL FROM:<alice@office.example>")
      return try wire.reply()
    }()
    guard answer.hasPrefix("250") else { throw Wire.Unexpected(description: answer) }
    try wire.ask("RCPT TO:<\(recipient)>", 250)
    try wire.ask("DATA", 354)
    try wire.send(Self.poison + "\r\n.\r\n")
    try wire.expect(250)
  }

  @Test func aSubmissionIsHeld() throws {
    let office = try office(.submission)
    for _ in 0..<2 { try crash(office) { try submit($0, to: "bob@office.example") } }
    #expect(throws: Wire.Unexpected.self) { try submit(office, to: "bob@office.example") }
    try afterThePause(office)
    try submit(office, to: "bob@office.example")
    let id = try #require(try office.list("queue", "list", "--state", "held").first?["id"] as? String)
    #expect(try office.count("bob") == 2, "the good ones only")
    try office.tell("queue", "release", id)
    #expect(try office.count("bob") == 3)
  }

  @Test func anAppendedMessageIsStoredWithoutBeingLookedAt() throws {
    let office = try office(.scan)
    let append: (TestAppliance) throws -> String = {
      let wire = try $0.imap()
      return try wire.imap("APPEND INBOX {\(Self.poison.utf8.count)+}\r\n\(Self.poison)").last ?? ""
    }
    for _ in 0..<2 { try crash(office) { _ = try append($0) } }
    #expect(try append(office).hasPrefix("a NO [UNAVAILABLE]"))
    try afterThePause(office)
    #expect(try append(office).hasPrefix("a OK"))
    let structure = try office.imap().imap("FETCH 1 BODYSTRUCTURE").joined()
    #expect(structure.uppercased().contains("\"APPLICATION\" \"OCTET-STREAM\""), "\(structure)")
  }

  @Test func aCommandIsPutOff() throws {
    let office = try office(.command)
    let greet: (TestAppliance) throws -> Void = {
      let wire = try Wire(port: try $0.port("smtp"))
      try wire.expect(220)
      try wire.ask("EHLO \(Self.word)", 250)
    }
    // Not even good mail comes from a peer that is put off.
    for _ in 0..<2 { try crash(office, otherMailFlows: false, greet) }
    try Wire(port: try office.port("smtp")).expect(421)
    // Others have another address; here it is enough that the other services answer.
    _ = try office.imap()
    try afterThePause(office)
    try Wire(port: try office.port("smtp")).expect(220)
  }

  // MARK: On its way out

  @Test func aMessageThatCannotBeRelayedIsHeld() throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["carol"], plaintext: true)
    let route = "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(try remote.port("smtp"))\"\n"
    let office = try office(.relay, extra: route + "[queue]\nretry = [\"1 s\"]\n")
    try submit(office, to: "carol@remote.example")
    try TestAppliance.wait("the trap ends the process") { !office.isRunning }
    // It is tried again at once, and may end the process before that says that it has started.
    try? office.start()
    try TestAppliance.wait("the trap ends the process again") { !office.isRunning }
    try office.start()
    try TestAppliance.wait("it is held") {
      try office.list("queue", "list", "--state", "held").first?["recipient"] as? String == "carol@remote.example"
    }
    let row = try #require(try office.list("queue", "list").first)
    #expect((row["said"] as? String)?.hasPrefix("crash: the process has ended 2 times while it relayed") == true)
    let trace = try office.tell("trace", "--address", "carol@remote.example")
    #expect(trace.contains("crash") && trace.contains("held"), "\(trace)")
    // Other mail to the same server flows.
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("AUTH PLAIN \(Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString())", 235)
    try wire.ask("MAIL FROM:<alice@office.example>", 250)
    try wire.ask("RCPT TO:<carol@remote.example>", 250)
    try wire.ask("DATA", 354)
    try wire.say("From: alice@office.example\r\nSubject: good\r\n\r\ngood\r\n.")
    try wire.expect(250)
    try TestAppliance.wait("the good one arrives") { try remote.count("carol") == 1 }
    // The defect is mended, and the message released.
    #expect(office.stop() == 0)
    office.environment["POSTROOM_TRAP"] = nil
    try office.start()
    try office.tell("queue", "release", try #require(row["id"] as? String))
    try TestAppliance.wait("the other one arrives") { try remote.count("carol") == 2 }
  }

  // MARK: Stored

  @Test func aStoredMessageIsNotSearchedAnyMore() throws {
    let office = try office(.search)
    try office.receive(to: ["alice@office.example"], "Subject: before\r\n\r\nx")
    try office.receive(to: ["alice@office.example"], Self.poison)
    try office.receive(to: ["alice@office.example"], "Subject: behind\r\n\r\nx")
    let search: (TestAppliance) throws -> [String] = { try $0.imap().imap("SEARCH OR SUBJECT behind SUBJECT trap") }
    for _ in 0..<2 { try crash(office) { _ = try search($0) } }
    let found = try search(office)
    #expect(found.contains("* SEARCH 3") && found.last?.hasPrefix("a OK") == true, "\(found)")
  }

  @Test(arguments: ["BODYSTRUCTURE", "ENVELOPE", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "BODY.PEEK[1]"])
  func aStoredMessageIsServedAsOneOpaquePart(_ item: String) throws {
    let office = try office(.fetch)
    try office.receive(to: ["alice@office.example"], "Subject: before\r\n\r\nx")
    try office.receive(to: ["alice@office.example"], Self.poison)
    let fetch: (TestAppliance) throws -> [String] = { try $0.imap().imap("FETCH 1:* (UID \(item))") }
    for _ in 0..<2 { try crash(office) { _ = try fetch($0) } }
    let answer = try fetch(office)
    #expect(answer.filter { $0.hasPrefix("* ") }.count == 2 && answer.last?.hasPrefix("a OK") == true, "\(answer)")
    let wire = try office.imap()
    let structure = try wire.imap("FETCH 2 BODYSTRUCTURE").joined()
    #expect(structure.uppercased().contains("\"APPLICATION\" \"OCTET-STREAM\""), "\(structure)")
    let envelope = try wire.imap("FETCH 2 ENVELOPE").joined()
    #expect(envelope.contains("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"), "\(envelope)")
    // As a whole it is what it was, and can be had and deleted.
    let whole = try wire.imap("FETCH 2 (RFC822.SIZE BODY.PEEK[])")
    #expect(whole.contains("Subject: \(Self.word)"), "\(whole)")
    #expect(try wire.imap("STORE 2 +FLAGS (\\Deleted)").last?.hasPrefix("a OK") == true)
    #expect(try wire.imap("EXPUNGE").contains("* 2 EXPUNGE"))
  }
}
