/// One row of the command table: when a command is allowed, and what it does.
struct CommandRule: Sendable {
  let verb: String
  /// Where the session may stand; elsewhere the answer is 503.
  let phases: Set<ServerMachine.Phase>
  /// 530 until the client has authenticated, where the service demands that (RFC 4954).
  let needsAuthentication: Bool
  /// Some commands do not exist on some ports; then the answer is 502.
  let exists: @Sendable (ServerMachine) -> Bool
  /// Gets what follows the verb and a space, with white space at the end taken away.
  let obey: @Sendable (inout ServerMachine, ArraySlice<UInt8>) -> ServerMachine.Action

  init(
    _ verb: String, in phases: Set<ServerMachine.Phase> = CommandRule.anywhere, needsAuthentication: Bool = false,
    exists: @escaping @Sendable (ServerMachine) -> Bool = { _ in true },
    _ obey: @escaping @Sendable (inout ServerMachine, ArraySlice<UInt8>) -> ServerMachine.Action
  ) {
    self.verb = verb
    self.phases = phases
    self.needsAuthentication = needsAuthentication
    self.exists = exists
    self.obey = obey
  }

  static let anywhere: Set<ServerMachine.Phase> = [.start, .greeted, .mail, .chunks, .chunksFailed]

  /// All commands of RFC 5321 §4.1.1 and of the extensions that are offered.
  ///
  /// BDAT is missing in no phase: what follows it must be read in every case (RFC 3030 §2).
  static let table: [String: CommandRule] = Dictionary(
    [
      CommandRule("EHLO") { $0.hello($1, isExtended: true) },
      CommandRule("HELO") { $0.hello($1, isExtended: false) },
      CommandRule("STARTTLS", in: [.start, .greeted], exists: { $0.settings.offersTLS }) { $0.startTLS($1) },
      CommandRule("AUTH", in: [.greeted], exists: { $0.settings.service == .submission }) { $0.authenticate($1) },
      CommandRule("MAIL", in: [.greeted], needsAuthentication: true) { $0.mail($1) },
      CommandRule("RCPT", in: [.mail], needsAuthentication: true) { $0.recipient($1) },
      CommandRule("DATA", in: [.mail], needsAuthentication: true) { $0.data($1) },
      CommandRule("BDAT") { $0.chunk($1) },
      CommandRule("RSET") { $0.reset($1) },
      CommandRule("NOOP") { machine, _ in .reply(Reply(250, "2.0.0", "OK")) },
      CommandRule("QUIT") { $0.quit($1) },
      CommandRule("VRFY", needsAuthentication: true) { $0.verify($1) },
      CommandRule("EXPN", needsAuthentication: true) { machine, _ in
        machine.failure(Reply(502, "5.5.1", "EXPN is not offered"))
      },
      CommandRule("HELP", needsAuthentication: true) { $0.help($1) },
    ].map { ($0.verb, $0) }, uniquingKeysWith: { first, _ in first })
}

extension ServerMachine {
  /// Finds the command's rule and applies it.
  mutating func dispatch(_ line: ArraySlice<UInt8>) -> Action {
    let end = line.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 + 1 } ?? line.startIndex
    let line = line[..<end]
    let verb = line.prefix { $0 != 0x20 }
    let name = String(decoding: verb.prefix(12).uppercased, as: UTF8.self)
    guard verb.count <= 12, let rule = CommandRule.table[name] else {
      return failure(Reply(500, "5.5.2", "Command not recognized"))
    }
    guard rule.exists(self) else { return failure(Reply(502, "5.5.1", "\(name) is not offered here")) }
    if rule.needsAuthentication, settings.requiresAuthentication, !isAuthenticated {
      return failure(authenticationRequired)
    }
    guard rule.phases.contains(phase) else { return failure(outOfOrder(name)) }
    return rule.obey(&self, line.dropFirst(verb.count).drop { $0 == 0x20 })
  }

  /// RFC 3207 §4 and RFC 4954 have the same codes for both.
  private var authenticationRequired: Reply {
    offersTLS && !offersAuthentication
      ? Reply(530, "5.7.0", "Must issue a STARTTLS command first") : Reply(530, "5.7.0", "Authentication required")
  }

  /// 503 with what is missing.
  private func outOfOrder(_ verb: String) -> Reply {
    switch (verb, phase) {
    case (_, .chunksFailed): Reply(503, "5.5.1", "A chunk failed: send RSET first")
    case ("DATA", .chunks): Reply(503, "5.5.1", "BDAT and DATA cannot be mixed")
    case ("MAIL", .start), ("AUTH", .start): Reply(503, "5.5.1", "Send EHLO first")
    case ("MAIL", _): Reply(503, "5.5.1", "Nested MAIL command")
    case ("RCPT", .start), ("RCPT", .greeted), ("DATA", .start), ("DATA", .greeted):
      Reply(503, "5.5.1", "Need MAIL command")
    case ("AUTH", _): Reply(503, "5.5.1", "AUTH is not permitted during a mail transaction")
    default: ServerMachine.outOfOrder
    }
  }
}
