/// Puts a command together from lines and literals, without I/O: it says what to read next.
///
///     line ──▶ no literal announced ──▶ .complete
///        ├───▶ literal, all well ─────▶ .literal ──(octets come)──▶ next line
///        ├───▶ message of an APPEND ──▶ .message (the octets never come here)
///        └───▶ anything wrong ────────▶ .refused, with what must be thrown away so that nothing of it is obeyed
///
/// Whatever the client sends, at most the limit is held, and octets that were announced as a literal are never taken for
/// a command (RFC 7888 §3).
struct CommandReader {
  enum Step {
    /// The command is whole.
    case complete(CommandHead, Scanner)
    /// Read these octets, after a continuation request if it is synchronising, and hand them to ``takeLiteral(_:)``.
    case literal(LiteralAnnouncement)
    /// An APPEND, up to its message.
    case message(CommandHead, AppendRequest)
    /// The answer is known. `discarding`: this literal comes without being asked for; throw it away, and then read lines and
    /// hand them to ``skips(_:)``.
    case refused(tag: [UInt8]?, Completion, discarding: LiteralAnnouncement?)
  }

  private let lineLimit: Int
  private let commandLimit: Int
  private let literalLimit: Int
  private let state: SessionState
  private var octets: [UInt8] = []
  private var head: CommandHead?

  init(_ state: SessionState, _ limits: SessionLimits) {
    self.state = state
    let isLoggedIn = state.phase != .notAuthenticated
    lineLimit = isLoggedIn ? limits.line : limits.lineBeforeLogin
    commandLimit = isLoggedIn ? limits.command : limits.commandBeforeLogin
    literalLimit = isLoggedIn ? limits.command : limits.literalBeforeLogin
  }

  /// Octets that the next line may have.
  var nextLineLimit: Int { max(min(lineLimit, commandLimit - octets.count), 0) }

  /// The beginning of the command, if it was understood.
  var tag: [UInt8]? { head?.tag }

  mutating func takeLine(_ line: [UInt8]) -> Step {
    octets.append(contentsOf: line)
    let literal = LiteralAnnouncement(endOf: line)
    switch knownHead() {
    case .failure(let error): return refusal(error.tag, error.completion, literal)
    case .success(let head): return next(head, literal)
    }
  }

  mutating func takeLiteral(_ bytes: [UInt8]) { octets.append(contentsOf: bytes) }

  private mutating func knownHead() -> Result<CommandHead, HeadError> {
    if let head { return .success(head) }
    let result = CommandHead.read(octets)
    if case .success(let head) = result {
      self.head = head
      if let objection = state.objection(to: head.entry.phases) {
        return .failure(HeadError(tag: head.tag, completion: objection))
      }
    }
    return result
  }

  private mutating func next(_ head: CommandHead, _ literal: LiteralAnnouncement?) -> Step {
    guard let literal else { return .complete(head, Scanner(octets, from: head.position)) }
    if head.entry.name == "APPEND" {
      var scanner = Scanner(octets, from: head.position)
      do throws(SyntaxError) {
        try scanner.space()
        return .message(head, try scanner.appendRequest())
      } catch .awaitingLiteral {
        // The literal is the name of the mailbox.
      } catch {
        return refusal(head.tag, Completion(error), literal)
      }
    }
    guard literal.size <= min(literalLimit, commandLimit - octets.count) else {
      return refusal(head.tag, .bad("The literal is too long for this command", code: "TOOBIG"), literal)
    }
    octets.append(contentsOf: [0x0D, 0x0A])
    return .literal(literal)
  }

  /// A synchronising literal never comes when the command is refused (RFC 9051 §4.3); another does.
  private func refusal(_ tag: [UInt8]?, _ completion: Completion, _ literal: LiteralAnnouncement?) -> Step {
    .refused(tag: tag, completion, discarding: literal.flatMap { $0.isSynchronising ? nil : $0 })
  }

  /// For the lines of a refused command: the literal that must be thrown away after this line, or nil if the command is
  /// over.
  static func skips(_ line: [UInt8]) -> LiteralAnnouncement? {
    LiteralAnnouncement(endOf: line).flatMap { $0.isSynchronising ? nil : $0 }
  }
}

extension Completion {
  /// The reply to a command that cannot be understood.
  init(_ error: SyntaxError) {
    switch error {
    case .malformed(let text): self = .bad(text)
    case .awaitingLiteral: self = .bad("A literal is not allowed there")
    case .refused(let code, let text): self = .no(text, code: code)
    }
  }
}
