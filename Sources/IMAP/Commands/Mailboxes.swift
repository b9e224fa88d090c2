internal import MailFlow
internal import Store

/// CREATE (RFC 9051 §6.3.4), perhaps with a special use (RFC 6154 §3).
struct CreateCommand: SessionCommand {
  private let mailbox: [UInt8]
  private let uses: [String]

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    mailbox = try scanner.astring("the name of a mailbox")
    var uses: [String] = []
    if scanner.take(" ") {
      try scanner.expect("(", "( before the parameters")
      guard scanner.take(word: "USE") else { throw .malformed("The only parameter is USE") }
      try scanner.space()
      try scanner.expect("(", "( before the special uses")
      if !scanner.take(")") {
        repeat {
          try scanner.expect("\\", "\\ before a special use")
          uses.append("\\" + (try scanner.keyword("a special use")))
        } while scanner.take(" ")
        try scanner.expect(")", ") after the special uses")
      }
      try scanner.expect(")", ") after the parameters")
    }
    try scanner.end()
    self.uses = uses
  }

  func run(in session: Session) async throws -> Completion {
    let name = try session.name(mailbox, ifMissing: "CANNOT").withoutTrailingDelimiter
    if let objection = name.objection { return .no(objection, code: "CANNOT") }
    var use: SpecialUse?
    if let asked = uses.first {
      use = Self.assignable.first { $0.rawValue.uppercased() == asked }
      guard use != nil, uses.count == 1 else {
        return .no("A mailbox can have one of \\Archive, \\Drafts, \\Junk, \\Sent and \\Trash", code: "USEATTR")
      }
    }
    _ = try await session.services.flow.mailboxes.create(account: session.account, name: name.text, specialUse: use)
    try await session.announce(name, oldName: session.differing(mailbox, from: name))
    return .ok("Created")
  }

  /// Those that are a place for messages and not a view over all of them.
  private static let assignable: [SpecialUse] = [.archive, .drafts, .junk, .sent, .trash]
}

/// DELETE (RFC 9051 §6.3.5).
struct DeleteCommand: SessionCommand {
  private let mailbox: [UInt8]

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    mailbox = try scanner.astring("the name of a mailbox")
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let name = try session.name(mailbox)
    guard name != .inbox else { return .no("INBOX is always there: it cannot be deleted", code: "CANNOT") }
    let found = try await session.mailbox(name)
    // One's own selected mailbox is let go first: nobody else is to be told by BYE.
    if session.view?.id == found.id { await session.deselect() }
    try await session.services.flow.mailboxes.delete(account: session.account, name: name.text)
    try await session.announce(name, oldName: session.differing(mailbox, from: name))
    return .ok("Deleted")
  }
}

/// RENAME (RFC 9051 §6.3.6).
struct RenameCommand: SessionCommand {
  private let from: [UInt8]
  private let to: [UInt8]

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    from = try scanner.astring("the name of a mailbox")
    try scanner.space()
    to = try scanner.astring("the new name of the mailbox")
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let old = try session.name(from)
    let new = try session.name(to, ifMissing: "CANNOT").withoutTrailingDelimiter
    if let objection = new.objection { return .no(objection, code: "CANNOT") }
    guard new != .inbox else { return .no("There is an INBOX already", code: "ALREADYEXISTS") }
    guard !new.isBelow(old) || old == .inbox else {
      return .no("A mailbox cannot be moved below itself", code: "CANNOT")
    }
    try await session.services.flow.mailboxes.rename(account: session.account, from: old.text, to: new.text)
    // INBOX is not renamed but emptied, whatever its name was written like.
    let asked = old == .inbox ? nil : session.differing(from, from: old)
    let isNormalized = asked != nil || session.differing(to, from: new) != nil
    try await session.announce(new, oldName: isNormalized ? asked ?? old.text : nil)
    return .ok("Renamed")
  }
}

/// SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8). A name need not have a mailbox.
struct SubscribeCommand: SessionCommand {
  private let mailbox: [UInt8]
  private let isSubscribing: Bool

  init(_ scanner: inout Scanner, isSubscribing: Bool) throws(SyntaxError) {
    mailbox = try scanner.astring("the name of a mailbox")
    self.isSubscribing = isSubscribing
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let name = try session.name(mailbox, ifMissing: "CANNOT").withoutTrailingDelimiter
    let mailboxes = session.services.flow.mailboxes
    if isSubscribing {
      if let objection = name.objection { return .no(objection, code: "CANNOT") }
      try await mailboxes.subscribe(account: session.account, name: name.text)
      return .ok("Subscribed")
    }
    try await mailboxes.unsubscribe(account: session.account, name: name.text)
    return .ok("Not subscribed any more")
  }
}

extension Session {
  /// The name that the client used, if it was made another by normalization (RFC 9051 §6.3.9.7). A delimiter at the end is
  /// no part of a name (§6.3.4).
  func differing(_ asked: [UInt8], from name: MailboxName) -> String? {
    guard let text = MailboxName.decode(asked, state.dialect) else { return nil }
    let asked = MailboxName(stored: text).withoutTrailingDelimiter.text
    return asked.utf8.elementsEqual(name.text.utf8) ? nil : asked
  }

  /// Tells a client of IMAP4rev2 what has become of a name that it gave in another than the normal form.
  fileprivate func announce(_ name: MailboxName, oldName: String?) async throws {
    guard let oldName, state.enabled.contains(.rev2) else { return }
    writeList(try await listing().line(for: name, prefersNonExistent: true), oldName: oldName)
  }
}
