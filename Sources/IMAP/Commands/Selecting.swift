internal import MailFlow
internal import Message
internal import Store

/// SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.1.8).
struct SelectCommand: SessionCommand {
  private let mailbox: [UInt8]
  private let isReadOnly: Bool
  private let hasCondstore: Bool

  init(_ scanner: inout Scanner, isReadOnly: Bool) throws(SyntaxError) {
    mailbox = try scanner.astring("the name of a mailbox")
    self.isReadOnly = isReadOnly
    var hasCondstore = false
    if scanner.take(" ") {
      try scanner.expect("(", "( before the parameters")
      repeat {
        guard try scanner.keyword("a parameter") == "CONDSTORE" else {
          throw .malformed("The only parameter is CONDSTORE")
        }
        hasCondstore = true
      } while scanner.take(" ")
      try scanner.expect(")", ") after the parameters")
    }
    try scanner.end()
    self.hasCondstore = hasCondstore
  }

  func run(in session: Session) async throws -> Completion {
    if session.view != nil {
      await session.deselect()
      // RFC 9051 §7.1: what follows is about another mailbox.
      session.writer.untagged(.ok("The mailbox that was selected is closed", code: "CLOSED"))
    }
    if hasCondstore { session.enableCondstore() }
    let name = try session.name(mailbox)
    let found = try await session.mailbox(name)
    // Where nothing can be written SELECT is EXAMINE, and says so.
    let isReadOnly = isReadOnly || session.services.store.isReadOnly
    try await session.select(found, isReadOnly: isReadOnly)
    try await session.describeSelection(name, asked: mailbox)
    return isReadOnly
      ? .ok("You may read", code: "READ-ONLY") : .ok("You may read and write", code: "READ-WRITE")
  }
}

/// CLOSE and UNSELECT (RFC 9051 §6.4.1, §6.4.2).
struct CloseCommand: SessionCommand {
  let isExpunging: Bool

  func run(in session: Session) async throws -> Completion {
    let view = try session.requireView()
    if isExpunging, !view.isReadOnly {
      _ = try await session.services.flow.mailboxes.expunge(account: session.account, mailbox: view.id)
    }
    await session.deselect()
    return .ok("Closed")
  }
}

extension Session {
  func select(_ mailbox: Mailbox, isReadOnly: Bool) async throws {
    let id = mailbox.id
    // Listening comes before looking: what is committed in between is told twice rather than never.
    signal.subscribe(to: id, in: services.flow.changes)
    let newHold = services.store.hold(id)
    let account = account
    do {
      let recentFrom = try await recentFrom(mailbox, account, isReadOnly: isReadOnly)
      guard let snapshot = try await services.store.read({ try $0.snapshot(id) }) else {
        throw Refusal(.no("There is no mailbox of that name", code: "NONEXISTENT"))
      }
      view = MailboxView(snapshot, recentFrom: recentFrom ?? snapshot.mailbox.uidNext, isReadOnly: isReadOnly)
      firstUnseen = snapshot.flags.firstIndex { !$0.contains(.seen) }.map { $0 + 1 }
      hold = newHold
      state.phase = .selected
    } catch {
      listenAnew()
      newHold.release()
      throw error
    }
  }

  /// From which UID on messages are recent to this session; nil for none. A session that may write takes them, so that
  /// nobody after it finds them recent (RFC 3501 §2.3.2). IMAP4rev2 knows no recent messages.
  private func recentFrom(_ mailbox: Mailbox, _ account: String, isReadOnly: Bool) async throws -> UID? {
    guard mailbox.recentFrom < mailbox.uidNext else { return nil }
    if isReadOnly || state.enabled.contains(.rev2) { return mailbox.recentFrom }
    do {
      return try await services.flow.mailboxes.takeRecent(account: account, mailbox: mailbox.id)
    } catch StoreError.diskFull {
      // They stay recent: a full disk must not keep anybody from looking, and deleting.
      return mailbox.recentFrom
    }
  }

  /// What SELECT must tell before its OK.
  func describeSelection(_ name: MailboxName, asked: [UInt8]) async throws {
    guard let view else { return }
    let isRev2 = state.enabled.contains(.rev2)
    writeFlagsList()
    writer.untagged(.ok("These can be changed", code: "PERMANENTFLAGS (\(permanentFlags))"))
    writer.messageData(view.count, "EXISTS")
    if !isRev2 {
      writer.messageData(view.recentCount, "RECENT")
      if let firstUnseen { writer.untagged(.ok("The first that is not seen", code: "UNSEEN \(firstUnseen)")) }
    }
    writer.untagged(.ok("The UIDs are valid", code: "UIDVALIDITY \(view.uidValidity)"))
    writer.untagged(.ok("The next UID", code: "UIDNEXT \(view.uidNext)"))
    writer.untagged(.ok("Highest", code: "HIGHESTMODSEQ \(max(view.modSeq, 1))"))
    if isRev2 {
      let listing = try await listing()
      writeList(listing.line(for: name, prefersNonExistent: true), oldName: differing(asked, from: name))
    }
  }

  /// RFC 9051 §7.1, PERMANENTFLAGS: without `\*` once no more keywords can be made; nothing at all when read-only.
  private var permanentFlags: String {
    guard let view, !view.isReadOnly else { return "" }
    let words = FlagNames.system(.system) + view.keywords.words
    return (view.keywords.words.count < Flags.keywordLimit ? words + ["\\*"] : words).joined(separator: " ")
  }
}
