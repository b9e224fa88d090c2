internal import Configuration
internal import MailFlow
internal import Message
internal import Network

/// One message's conversation with a filter (protocol version 6).
///
///     offer ⇄ options ─▶ connect ─▶ helo ─▶ mail ─▶ rcpt… ─▶ data ─▶ header… ─▶ end of header ─▶ body… ─▶ end ─▶ quit
///                            each answered: go on │ accept │ reject │ come again │ discard      end: changes first
struct MilterSession {
  private let connection: Connection
  private let message: JudgedMessage
  private let limit: Duration
  private let name: String
  private var options = MilterOptions(steps: [])
  private var findings = CheckFindings()
  private var wantsQuarantine = false

  /// Header changes that one filter may ask for.
  private static let mostChanges = 100

  /// Whether the conversation goes on.
  private enum Course { case on, over }

  static func run(
    _ connection: Connection, _ message: JudgedMessage, _ milter: Configuration.Milter
  ) async throws -> CheckFindings {
    var session = MilterSession(connection, message, milter)
    try await session.converse()
    return session.findings
  }

  private init(_ connection: Connection, _ message: JudgedMessage, _ milter: Configuration.Milter) {
    self.connection = connection
    self.message = message
    limit = milter.timeLimit
    name = milter.name
    connection.writeTimeLimit = limit
  }

  private mutating func converse() async throws {
    try await connection.write(MilterOptions.offer)
    let (code, data) = try await packet()
    guard code == UInt8(ascii: "O") else { throw HelperFailure(description: "it does not speak the milter protocol") }
    options = try MilterOptions(data)
    if try await envelope() == .on, try await header() == .on, try await body() == .on { try await end() }
    try await connection.write(MilterPacket.encode("Q"))
    connection.flush()
  }

  // MARK: Steps

  private mutating func envelope() async throws -> Course {
    let envelope = message.envelope
    try await macros("C", [("j", message.configuration.hostname), ("{daemon_name}", envelope.listener)])
    if try await step("C", connectData, .noConnect, .silentConnect) == .over { return .over }
    let helo = MilterPacket.texts([Array(envelope.peer.helo.utf8)])
    if try await step("H", helo, .noHelo, .silentHelo) == .over { return .over }
    var facts: [(String, String)] = []
    if let account = envelope.account { facts += [("{auth_authen}", account), ("{auth_type}", "SASL")] }
    if let tls = envelope.tls { facts.append(("{tls_version}", tls)) }
    try await macros("M", facts)
    let sender = "<\(envelope.reversePath?.description ?? "")>"
    if try await step("M", MilterPacket.texts([Array(sender.utf8)]), .noMail, .silentMail) == .over { return .over }
    for (index, recipient) in envelope.recipients.enumerated() {
      let data = MilterPacket.texts([Array("<\(recipient.address)>".utf8)])
      if try await step("R", data, .noRecipients, .silentRecipients, recipient: index) == .over { return .over }
    }
    return try await step("T", [], .noData, .silentData)
  }

  /// Host name, family, port, address.
  private var connectData: [UInt8] {
    guard let address = message.envelope.peer.address else {
      return MilterPacket.texts([Array("localhost".utf8)]) + [0x55]
    }
    let name = MilterPacket.texts([Array("[\(address)]".utf8)])
    let text = address.isIPv4 ? "\(address)" : "IPv6:\(address)"
    return name + [UInt8(ascii: address.isIPv4 ? "4" : "6"), 0, 0] + MilterPacket.texts([Array(text.utf8)])
  }

  private mutating func header() async throws -> Course {
    for field in message.header where !field.name.isEmpty {
      let body = field.body.first == 0x20 ? field.body.dropFirst() : field.body
      let data = MilterPacket.texts([Array(field.name), body.filter { $0 != 0x0D }])
      if try await step("L", data, .noHeaders, .silentHeaders) == .over { return .over }
    }
    return try await step("N", [], .noEndOfHeaders, .silentEndOfHeaders)
  }

  private mutating func body() async throws -> Course {
    guard !options.steps.contains(.noBody) else { return .on }
    var position = 0
    while position < message.content.body.size {
      let bytes = try await message.content.body.bytes(from: position, count: MilterPacket.bodyLimit)
      guard !bytes.isEmpty else { break }
      position += bytes.count
      try await connection.write(MilterPacket.encode("B", bytes))
      if options.steps.contains(.silentBody) { continue }
      let reply = try await reply()
      if reply == .skip { break }
      if take(reply) == .over { return .over }
    }
    return .on
  }

  private mutating func end() async throws {
    try await macros("E", [("i", "postroom")])
    try await connection.write(MilterPacket.encode("E"))
    for _ in 0...(Self.mostChanges * 10) {
      let reply = try await reply()
      if reply == .progress { continue }
      guard reply.isModification else {
        _ = take(reply)
        return
      }
      change(reply)
    }
    throw HelperFailure(description: "it has more to change than is allowed")
  }

  /// One command and its answer, where the filter wants the one and gives the other.
  private mutating func step(
    _ command: Character, _ data: [UInt8], _ omitted: MilterOptions.Steps, _ silent: MilterOptions.Steps,
    recipient: Int? = nil
  ) async throws -> Course {
    guard !options.steps.contains(omitted) else { return .on }
    try await connection.write(MilterPacket.encode(command, data))
    guard !options.steps.contains(silent) else { return .on }
    return take(try await reply(), recipient: recipient)
  }

  private func macros(_ command: Character, _ values: [(String, String)]) async throws {
    guard !values.isEmpty else { return }
    let texts = values.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
    try await connection.write(MilterPacket.encode("D", [command.asciiValue ?? 0] + MilterPacket.texts(texts)))
  }

  // MARK: Answers

  private func packet() async throws -> (code: UInt8, data: [UInt8]) {
    let length = Int(MilterPacket.number(try await connection.exactly(4, within: limit)))
    guard (1...MilterPacket.limit).contains(length) else {
      throw HelperFailure(description: "it sent a packet of \(length) octets")
    }
    let bytes = try await connection.exactly(length, within: limit)
    return (bytes[0], Array(bytes.dropFirst()))
  }

  private func reply() async throws -> MilterReply {
    let (code, data) = try await packet()
    return MilterReply(code, data)
  }

  /// An answer that decides, or lets go on.
  private mutating func take(_ reply: MilterReply, recipient: Int? = nil) -> Course {
    switch reply {
    case .continue, .skip, .progress: return .on
    case .accept:
      note("it accepts the message")
      return .over
    case .reject: demand(.reject(Answer(550, "5.7.1", "The message is refused by a filter of this site")), recipient)
    case .temporaryFailure: demand(.reject(Answer(451, "4.7.1", "Not now, try again later")), recipient)
    case .code(let code, let status, let text):
      demand(.reject(Answer(code, status, RuleJudge.asciiLine(text.isEmpty ? "Refused by a filter" : text))), recipient)
    case .discard: demand(.discard(reason: "the milter \(name)"), nil)
    case .addField, .changeField, .insertField, .quarantine, .refused, .unknown:
      note("it gave an answer out of place, which is not minded")
      return .on
    }
    // Refusing one recipient leaves the others.
    return recipient == nil || reply == .discard ? .over : .on
  }

  private mutating func demand(_ demand: Demand, _ recipient: Int?) {
    let words: String
    switch demand {
    case .reject(let answer): words = "it refuses: \(answer)"
    case .discard: words = "it discards the message"
    case .quarantine(let reason): words = "it wants it in the quarantine: \(reason)"
    case .tag, .junk: words = ""
    }
    let opinion = Opinion(factors: [Factor(test: test, reason: words)], demands: [demand])
    if let recipient {
      findings.own[recipient] = (findings.own[recipient] ?? .nothing) + opinion
    } else {
      findings.common = findings.common + opinion
    }
  }

  private var test: String { "milter \(name)" }

  private mutating func note(_ reason: String) {
    guard findings.common.factors.count < 20 else { return }
    findings.common.factors.append(Factor(test: test, reason: reason))
  }

  private mutating func change(_ reply: MilterReply) {
    guard findings.common.fields.count + findings.common.edits.count < Self.mostChanges else { return }
    switch reply {
    case .addField(let field, let value), .insertField(let field, let value):
      guard let safe = Self.safe(field) else { return note("it wants to add a field with an impossible name") }
      findings.common.fields.append(Tag.Field(safe, Self.line(value)))
      note("it adds \(safe)")
    case .changeField(let field, let number, let value):
      guard let safe = Self.safe(field) else { return note("it wants to change a field with an impossible name") }
      let line = Self.line(value)
      findings.common.edits.append(Tag.Edit(safe, number: number, value: line.isEmpty ? nil : line))
      note(line.isEmpty ? "it removes \(safe)" : "it changes \(safe)")
    case .quarantine(let reason):
      // Said once is said; each of a thousand would be a line of the trace.
      guard !wantsQuarantine else { return }
      wantsQuarantine = true
      demand(.quarantine(reason: "milter \(name): \(reason.prefix(200))"), nil)
    case .refused(let what): note("it wants to \(what), which is not done here: the message stays as it is")
    default: break
    }
  }

  /// A field's name, if it is one; what only this house may write is none.
  private static func safe(_ name: String) -> String? {
    let isName = !name.isEmpty && name.utf8.count <= 100 && name.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 0x3A }
    return isName && !name.lowercased().hasPrefix("x-postroom-") ? name : nil
  }

  /// A value on one line of ASCII.
  private static func line(_ value: String) -> String {
    var result: [UInt8] = []
    for byte in value.utf8.prefix(4_000) {
      let isBlank = byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
      if !isBlank {
        result.append(byte > 32 && byte < 127 ? byte : 0x3F)
      } else if result.last != 0x20 {
        result.append(0x20)
      }
    }
    let trimmed = result.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed()
    return String(decoding: Array(trimmed), as: UTF8.self)
  }
}
