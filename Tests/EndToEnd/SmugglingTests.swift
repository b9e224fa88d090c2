import Foundation
import Testing

/// SMTP smuggling in every form, through real sockets: what comes between a message's beginning and its true end is
/// content, whatever another server might take it for.
@Suite("EndToEnd: smuggling") struct SmugglingTests {
  static let office = Result { try TestAppliance.running(accounts: ["alice", "bob", "carol"], plaintext: true) }

  /// A dot between two things that somebody might take for line ends.
  struct Form: Sendable, CustomTestStringConvertible {
    let before: String
    let after: String
    var testDescription: String { "\(before.debugDescription) . \(after.debugDescription)" }
  }

  static let breaks = ["\n", "\r", "\r\n", "\r\r", "\0", "\r\r\n", "\n\r", "\0\r\n", "\r\n\0"]
  /// All of them, those too in which CRLF.CRLF stands, which is the true end.
  static let forms = breaks.flatMap { before in breaks.map { Form(before: before, after: $0) } }

  /// A message with the form in it, what would be a second message behind a false end, and a true end; and what a reader
  /// by RFC 5321 §4.1.1.4 makes of it.
  struct Attack {
    let first = "first-\(UUID().uuidString.prefix(8))"
    let second = "second-\(UUID().uuidString.prefix(8))"
    let bytes: [UInt8]
    /// Up to and with the true end.
    let content: ArraySlice<UInt8>
    /// What follows the true end: commands.
    let rest: String

    init(_ form: Form, header: String = "", from sender: String) {
      let bytes = Array(
        ("\(header)Subject: \(first)\r\n\r\ntext\(form.before).\(form.after)MAIL FROM:<\(sender)>\r\n"
          + "RCPT TO:<carol@office.example>\r\nDATA\r\n\(header)Subject: \(second)\r\n\r\nx\r\n.\r\nQUIT\r\n").utf8)
      let mark = Array("\r\n.\r\n".utf8)
      let end = bytes.indices.first { bytes[$0...].starts(with: mark) }.map { $0 + mark.count } ?? bytes.count
      self.bytes = bytes
      content = bytes[..<end]
      rest = String(decoding: bytes[end...], as: UTF8.self)
    }

    /// The form was no end: the last line is.
    var isAllContent: Bool { rest == "QUIT\r\n" }
    /// The form was the true end, and the client had honestly pipelined a second message.
    var isTwoMessages: Bool { rest.hasPrefix("MAIL FROM:") }
  }

  static func hasBareBreak(_ bytes: some Collection<UInt8>) -> Bool {
    let bytes = Array(bytes)
    return bytes.indices.contains { index in
      (bytes[index] == 10 && (index == 0 || bytes[index - 1] != 13))
        || (bytes[index] == 13 && (index + 1 == bytes.count || bytes[index + 1] != 10))
    }
  }

  /// The codes of all replies up to the end of the connection.
  static func codes(_ said: String) -> [String] {
    said.split(separator: "\r\n").filter { $0.dropFirst(3).first != "-" }.map { String($0.prefix(3)) }
  }

  /// How many messages with this subject an account has.
  static func count(_ subject: String, _ account: String) throws -> Int {
    let found = try office.get().imap(account).imap("SEARCH SUBJECT \(subject)")
    return try #require(found.first { $0.hasPrefix("* SEARCH") }).split(separator: " ").count - 2
  }

  private func begin(_ service: String, from sender: String, authenticated: Bool = false) throws -> Wire {
    let wire = try Wire(port: try Self.office.get().port(service))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    if authenticated {
      try wire.ask("AUTH PLAIN \(Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString())", 235)
    }
    try wire.ask("MAIL FROM:<\(sender)>", 250)
    try wire.ask("RCPT TO:<bob@office.example>", 250)
    return wire
  }

  /// What was sent behind the true end of a message that was taken.
  private func expectOrdinaryCommands(_ codes: [String], _ attack: Attack) throws {
    if attack.isAllContent {
      #expect(codes == ["250", "221"])
    } else if attack.isTwoMessages {
      #expect(codes == ["250", "250", "250", "354", "250", "221"])
    } else {
      // `NUL MAIL FROM` is no command, so none of what follows it has a transaction.
      #expect(
        codes.first == "250" && codes.last == "221"
          && codes.dropFirst().dropLast().allSatisfy { $0 == "500" || $0 == "503" })
    }
    #expect(try Self.count(attack.first, "bob") == 1)
    #expect(try Self.count(attack.second, "carol") == (attack.isTwoMessages ? 1 : 0), "a smuggled message arrived")
  }

  /// From another server: read to the true end; with a CR or LF alone in it refused, and nothing behind it obeyed.
  @Test(arguments: forms) func onlyTheTrueEndEndsData(_ form: Form) throws {
    let attack = Attack(form, from: "evil@elsewhere.example")
    let wire = try begin("smtp", from: "a@elsewhere.example")
    try wire.ask("DATA", 354)
    try wire.send(attack.bytes)
    let said = wire.rest()
    guard Self.hasBareBreak(attack.content) else { return try expectOrdinaryCommands(Self.codes(said), attack) }
    #expect(said.hasPrefix("550 5.6.11 ") && Self.codes(said).count == 1, "\(said.debugDescription)")
    #expect(try Self.count(attack.first, "bob") == 0)
    #expect(try Self.count(attack.second, "carol") == 0, "a smuggled message arrived")
  }

  /// From our own people it is mended, and what was no end does not become one.
  @Test(arguments: forms) func submissionsAreNormalised(_ form: Form) throws {
    let attack = Attack(form, header: "From: alice@office.example\r\n", from: "alice@office.example")
    let wire = try begin("submission", from: "alice@office.example", authenticated: true)
    try wire.ask("DATA", 354)
    try wire.send(attack.bytes)
    try expectOrdinaryCommands(Self.codes(wire.rest()), attack)
    let bob = try Self.office.get().imap("bob")
    let number = try #require(try bob.imap("SEARCH SUBJECT \(attack.first)").first?.split(separator: " ").last)
    try bob.say("a FETCH \(number) BODY.PEEK[TEXT]")
    let size = try #require(try bob.line().split(separator: "{").last.flatMap { Int($0.dropLast()) })
    let text = try bob.bytes(size)
    #expect(!Self.hasBareBreak(text), "\(text)")
    #expect(String(decoding: text, as: UTF8.self).contains("RCPT TO:<carol@office.example>") == attack.isAllContent)
  }

  /// Where a BDAT chunk is cut: nowhere, before the dot, behind it.
  enum Cut: CaseIterable { case none, beforeDot, behindDot }

  /// In chunks the count ends a chunk, and nothing else; a CRLF may be cut in two.
  @Test(arguments: forms, Cut.allCases) func chunksAreCountedAndNothingElse(_ form: Form, _ cut: Cut) throws {
    let (first, second) = ("first-\(UUID().uuidString.prefix(8))", "second-\(UUID().uuidString.prefix(8))")
    let start = "Subject: \(first)\r\n\r\ntext\(form.before)"
    let end =
      "\(form.after)MAIL FROM:<evil@elsewhere.example>\r\nRCPT TO:<carol@office.example>\r\n"
      + "BDAT \(second.utf8.count + 16) LAST\r\nSubject: \(second)\r\n\r\nx\r\n"
    let chunks =
      switch cut {
      case .none: [start + "." + end]
      case .beforeDot: [start, "." + end]
      case .behindDot: [start + ".", end]
      }
    let wire = try begin("smtp", from: "a@elsewhere.example")
    let commands = chunks.enumerated().map { number, chunk in
      "BDAT \(chunk.utf8.count)\(number == chunks.count - 1 ? " LAST" : "")\r\n\(chunk)"
    }
    try wire.send(commands.joined() + "NOOP\r\nQUIT\r\n")
    let said = wire.rest()
    let codes = Self.codes(said)
    if Self.hasBareBreak((start + "." + end).utf8) {
      #expect(codes.last == "550" && said.contains("550 5.6.11 "), "\(said)")
      #expect(codes.count <= chunks.count && codes.dropLast().allSatisfy { $0 == "250" }, "nothing behind it is obeyed")
      #expect(try Self.count(first, "bob") == 0)
    } else {
      #expect(codes == chunks.map { _ in "250" } + ["250", "221"], "\(said)")
      #expect(try Self.count(first, "bob") == 1)
    }
    #expect(try Self.count(second, "carol") == 0, "a smuggled message arrived")
  }
}
