import Foundation
import Testing

/// SMTP smuggling in every form, through real sockets: what comes between a message's beginning and its true end is
/// content, whatever another server might take it for.
@Suite("EndToEnd: smuggling") struct SmugglingTests {
  static let office = Result { try TestAppliance.running(accounts: ["alice", "bob", "carol"], plaintext: true) }

  /// A dot between two things that somebody might take for line ends.
  struct Form: CustomStringConvertible {
    let before: String
    let after: String
    var description: String { "\(before.debugDescription) . \(after.debugDescription)" }
  }

  static let breaks = ["\n", "\r", "\r\n", "\r\r", "\0", "\r\r\n", "\n\r", "\0\r\n", "\r\n\0"]
  /// All of them, those too in which CRLF.CRLF stands, which is the true end.
  static let forms = breaks.flatMap { before in breaks.map { Form(before: before, after: $0) } }

  /// A message with the form in it, what would be a second message behind a false end, and a true end; and what a reader
  /// by RFC 5321 §4.1.1.4 makes of it.
  struct Attack: CustomStringConvertible {
    let description: String
    /// The subjects of the message and of what would be the second.
    let first: String
    let second: String
    let bytes: [UInt8]
    /// Up to and with the true end.
    let content: ArraySlice<UInt8>
    /// What follows the true end: commands.
    let rest: String

    init(_ form: Form, _ series: String, header: String = "", from sender: String) {
      let unique = UUID().uuidString.prefix(8)
      (first, second) = ("\(series)-first-\(unique)", "\(series)-second-\(unique)")
      description = "\(form)"
      let bytes = Array(
        ("\(header)Subject: \(first)\r\n\r\ntext\(form.before).\(form.after)MAIL FROM:<\(sender)>\r\n"
          + "RCPT TO:<carol@office.example>\r\nDATA\r\n\(header)Subject: \(second)\r\n\r\nx\r\n.\r\nQUIT\r\n").utf8)
      let mark = Array("\r\n.\r\n".utf8)
      let end = bytes.indices.first { bytes[$0...].starts(with: mark) }.map { $0 + mark.count } ?? bytes.count
      self.bytes = bytes
      content = bytes[..<end]
      rest = String(decoding: bytes[end...], as: UTF8.self)
    }

    /// A CR or LF stands alone before the true end.
    var isBroken: Bool { SmugglingTests.hasBareBreak(content) }
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

  /// The messages of an account whose subject begins so, by their subjects.
  static func messages(of account: String, _ start: String) throws -> [String: [UInt8]] {
    let wire = try office.get().imap(account)
    try wire.say("a FETCH 1:* BODY.PEEK[]")
    var found: [String: [UInt8]] = [:]
    while case let line = try wire.line(), !line.hasPrefix("a ") {
      guard let size = line.split(separator: "{").last.flatMap({ Int($0.dropLast()) }) else { continue }
      let bytes = try wire.bytes(size)
      let subject = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").first { $0.hasPrefix("Subject: ") }
      guard let subject = subject?.dropFirst(9), subject.hasPrefix(start) else { continue }
      #expect(found.updateValue(bytes, forKey: String(subject)) == nil, "\(subject) is there twice")
    }
    return found
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

  /// The answers to what was sent behind the true end of a message that was taken, and to that message.
  private func expectOrdinaryCommands(_ said: String, _ attack: Attack) {
    let codes = Self.codes(said)
    if attack.isAllContent {
      #expect(codes == ["250", "221"], "\(attack)")
    } else if attack.isTwoMessages {
      #expect(codes == ["250", "250", "250", "354", "250", "221"], "\(attack)")
    } else {
      // `NUL MAIL FROM` is no command, so none of what follows it has a transaction.
      #expect(codes.first == "250" && codes.last == "221" && codes.count > 4, "\(attack)")
      #expect(codes.dropFirst().dropLast().allSatisfy { $0 == "500" || $0 == "503" }, "\(attack)")
    }
  }

  /// From another server: read to the true end; with a CR or LF alone in it refused, and nothing behind it obeyed.
  @Test func onlyTheTrueEndEndsData() throws {
    let attacks = Self.forms.map { Attack($0, "data", from: "evil@elsewhere.example") }
    for attack in attacks {
      let wire = try begin("smtp", from: "a@elsewhere.example")
      try wire.ask("DATA", 354)
      try wire.send(attack.bytes)
      let said = try wire.untilClosed()
      if attack.isBroken {
        #expect(said.hasPrefix("550 5.6.11 ") && Self.codes(said).count == 1, "\(attack): \(said)")
      } else {
        expectOrdinaryCommands(said, attack)
      }
    }
    let taken = attacks.filter { !$0.isBroken }
    #expect(
      taken.count > 5 && taken.contains { $0.isTwoMessages } && attacks.contains { $0.isBroken && !$0.isAllContent })
    let (bob, carol) = (try Self.messages(of: "bob", "data"), try Self.messages(of: "carol", "data"))
    #expect(Set(bob.keys) == Set(taken.map(\.first)))
    #expect(Set(carol.keys) == Set(taken.filter(\.isTwoMessages).map(\.second)), "a smuggled message arrived")
  }

  /// From our own people it is mended, and what was no end does not become one.
  @Test func submissionsAreNormalised() throws {
    let attacks = Self.forms.map {
      Attack($0, "own", header: "From: alice@office.example\r\n", from: "alice@office.example")
    }
    for attack in attacks {
      let wire = try begin("submission", from: "alice@office.example", authenticated: true)
      try wire.ask("DATA", 354)
      try wire.send(attack.bytes)
      expectOrdinaryCommands(try wire.untilClosed(), attack)
    }
    let (bob, carol) = (try Self.messages(of: "bob", "own"), try Self.messages(of: "carol", "own"))
    #expect(Set(bob.keys) == Set(attacks.map(\.first)))
    #expect(Set(carol.keys) == Set(attacks.filter(\.isTwoMessages).map(\.second)), "a smuggled message arrived")
    for attack in attacks {
      let text = bob[attack.first] ?? []
      #expect(!Self.hasBareBreak(text), "\(attack)")
      #expect(String(decoding: text, as: UTF8.self).contains("RCPT TO:<carol@") == attack.isAllContent, "\(attack)")
    }
  }

  /// Where a BDAT chunk is cut: nowhere, before the dot, behind it.
  enum Cut: CaseIterable { case none, beforeDot, behindDot }

  /// In chunks the count ends a chunk, and nothing else; a CRLF may be cut in two.
  @Test(arguments: Cut.allCases) func chunksAreCountedAndNothingElse(_ cut: Cut) throws {
    var taken: Set<String> = []
    for (number, form) in Self.forms.enumerated() {
      let (first, second) = ("\(cut)-first-\(number)", "\(cut)-second-\(number)")
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
      let said = try wire.untilClosed()
      let codes = Self.codes(said)
      if Self.hasBareBreak((start + "." + end).utf8) {
        #expect(codes.last == "550" && said.contains("550 5.6.11 "), "\(form): \(said)")
        #expect(
          codes.count <= chunks.count && codes.dropLast().allSatisfy { $0 == "250" },
          "\(form): nothing behind it is obeyed: \(said)")
      } else {
        #expect(codes == chunks.map { _ in "250" } + ["250", "221"], "\(form): \(said)")
        taken.insert(first)
      }
    }
    #expect(taken.count > 5)
    #expect(Set(try Self.messages(of: "bob", "\(cut)-").keys) == taken)
    #expect(try Self.messages(of: "carol", "\(cut)-").isEmpty, "a smuggled message arrived")
  }
}
