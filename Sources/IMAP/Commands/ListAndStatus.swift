internal import Store

/// LIST (RFC 9051 §6.3.9, RFC 5258) and LSUB (RFC 3501 §6.3.9).
struct ListCommand: SessionCommand {
  let request: ListRequest

  func run(in session: Session) async throws -> Completion {
    let dialect = session.state.dialect
    // RFC 9051 §6.3.9: what cannot be a name is a pattern that matches nothing.
    guard let reference = MailboxName.decode(request.reference, dialect) else { return .ok("Nothing matches") }
    if !request.isExtended, !request.isLSUB, request.patterns == [[]] {
      // Without a name it is a question for the hierarchy delimiter; no name has a root of its own.
      session.writer.raw("* LIST (\\Noselect) \"/\" \"\"")
      session.writer.endLine()
      return .ok("Done")
    }
    let patterns = request.patterns.filter { !$0.isEmpty }.compactMap { octets in
      octets.count > MailboxName.maximumLength * 4
        ? nil : MailboxName.decode(octets, dialect).map { ListPattern(reference: reference, pattern: $0) }
    }
    let lines = try await session.listing().lines(
      patterns: patterns, selection: request.selection, returns: request.returns, isLSUB: request.isLSUB,
      prefersNonExistent: request.isExtended || session.state.enabled.contains(.rev2))
    for line in lines {
      session.writeList(line, isLSUB: request.isLSUB)
      if !request.status.isEmpty, line.isSelected {
        // A mailbox that has just been deleted has no status, and nothing is said of it (RFC 9051 §6.3.9.2).
        if let mailbox = try? await session.mailbox(line.name) {
          try await session.writeStatus(mailbox, line.name, request.status)
        }
      }
      try await session.sendIfMuch()
    }
    return .ok("That is all")
  }
}

/// STATUS (RFC 9051 §6.3.11).
struct StatusCommand: SessionCommand {
  private let mailbox: [UInt8]
  private let items: [StatusItem]

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    mailbox = try scanner.astring("the name of a mailbox")
    try scanner.space()
    items = try scanner.statusItems()
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let name = try session.name(mailbox)
    try await session.writeStatus(try await session.mailbox(name), name, items)
    return .ok("Done")
  }
}

extension Session {
  /// The account's mailboxes and subscriptions as they are now.
  func listing() async throws -> Listing {
    let account = account
    let (mailboxes, subscriptions) = try await services.store.read { reader in
      (try reader.mailboxes(account: account), try reader.subscriptions(account: account))
    }
    return Listing(
      mailboxes: mailboxes.map { Listing.Known(name: MailboxName(stored: $0.name), specialUse: $0.specialUse) },
      subscriptions: subscriptions.map { MailboxName(stored: $0) })
  }

  /// - Parameter oldName: for the extended item OLDNAME (RFC 9051 §6.3.9.7).
  func writeList(_ line: Listing.Line, isLSUB: Bool = false, oldName: String? = nil) {
    writer.text("* \(isLSUB ? "LSUB" : "LIST") (\(line.attributes.joined(separator: " "))) \"/\" ")
    writer.mailbox(line.name)
    if !line.childInfo.isEmpty {
      writer.text(" (\"CHILDINFO\" (\(line.childInfo.map { "\"\($0)\"" }.joined(separator: " "))))")
    } else if let oldName {
      writer.raw(" (\"OLDNAME\" (")
      writer.mailbox(MailboxName(stored: oldName))
      writer.raw("))")
    }
    writer.endLine()
  }

  func writeStatus(_ mailbox: Mailbox, _ name: MailboxName, _ items: [StatusItem]) async throws {
    if items.contains(.highestModSequence) { enableCondstore() }
    writer.raw("* STATUS ")
    writer.mailbox(name)
    writer.raw(" (")
    let values = items.map { item -> String in
      let value =
        switch item {
        case .messages: mailbox.messages
        case .recent: mailbox.recentFrom < mailbox.uidNext ? recentCount(mailbox) : 0
        case .uidNext: Int(mailbox.uidNext)
        case .uidValidity: Int(mailbox.uidValidity)
        case .unseen: mailbox.unseen
        case .deleted: mailbox.deleted
        case .size: mailbox.bytes
        case .highestModSequence: Int(max(mailbox.highestModSeq, 1))
        case .appendLimit: services.appendLimit
        }
      return "\(item.rawValue) \(value)"
    }
    writer.text(values.joined(separator: " "))
    writer.raw(")")
    writer.endLine()
  }

  /// At most: messages that came and went since are counted too.
  private func recentCount(_ mailbox: Mailbox) -> Int {
    min(Int(mailbox.uidNext) - Int(mailbox.recentFrom), mailbox.messages)
  }
}
