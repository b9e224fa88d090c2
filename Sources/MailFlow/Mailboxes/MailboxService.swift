internal import Configuration
public import Platform
public import Store

/// Everything that changes mailboxes on behalf of their owner; IMAP's way to the store's writer.
///
/// Each call is one transaction, durable when it returns, and tells the observers within it. Reading goes to the store
/// directly. Errors are ``MailboxError`` or `StoreError`.
public struct MailboxService: Sendable {
  let flow: MailFlow

  /// Makes an account's inbox and special folders (Drafts, Sent, Junk, Trash, Archive) if it has none yet. Call it when
  /// a session logs in; otherwise the first delivery does it.
  public func prepare(account: String) async throws {
    let isThere = try await flow.store.read { try $0.mailbox(account: account, name: SpecialFolders.inbox) != nil }
    if isThere { return }
    _ = try await flow.store.write { try SpecialFolders.inbox(of: account, in: &$0) }
  }

  /// Makes a mailbox, with the superiors that are missing.
  public func create(account: String, name: String, specialUse: SpecialUse? = nil) async throws -> Mailbox {
    guard !Self.isInbox(name) else { throw MailboxError.inboxStays }
    try Self.check(name)
    return try await flow.store.write { transaction in
      _ = try SpecialFolders.inbox(of: account, in: &transaction)
      return try transaction.createMailbox(account: account, name: name, specialUse: specialUse)
    }
  }

  /// Deletes a mailbox with its messages; its inferiors stay.
  public func delete(account: String, name: String) async throws {
    guard !Self.isInbox(name) else { throw MailboxError.inboxStays }
    try await flow.store.write(.freeing) { transaction in
      guard let mailbox = try transaction.mailbox(account: account, name: name) else {
        throw MailboxError.noSuchMailbox(name)
      }
      try transaction.deleteMailbox(mailbox.id)
    }
  }

  /// Renames a mailbox with its inferiors. Of INBOX the messages move, and an empty INBOX stays (RFC 9051 §6.3.6).
  public func rename(account: String, from: String, to: String) async throws {
    guard !Self.isInbox(to) else { throw MailboxError.inboxStays }
    try Self.check(to)
    try await flow.store.write { transaction in
      guard try transaction.mailbox(account: account, name: from) != nil else {
        throw MailboxError.noSuchMailbox(from)
      }
      try transaction.renameMailbox(account: account, from: from, to: to)
    }
  }

  public func subscribe(account: String, name: String) async throws {
    try await flow.store.write { try $0.subscribe(account: account, name: name) }
  }

  public func unsubscribe(account: String, name: String) async throws {
    try await flow.store.write { try $0.unsubscribe(account: account, name: name) }
  }

  /// Files a message that a client hands over (RFC 9051 §6.3.12). Its bytes stay exactly as they came.
  ///
  /// - Parameters:
  ///   - internalDate: now, if the client gave none.
  ///   - dateOffset: minutes east of UTC, as the client wrote it.
  public func append(
    account: String, mailbox: MailboxID, content: ReceivedContent, flags: Flags = [], keywords: [String] = [],
    internalDate: Moment? = nil, dateOffset: Int = 0
  ) async throws -> Filed {
    let quota = flow.configuration().account(account)?.quota
    let new = NewContent(
      header: content.header, structure: content.structure, body: content.body.asNewBody,
      facts: content.isParsed ? [] : .unparsed)
    let date = internalDate ?? flow.clock.now()
    let (observers, size, work) = (flow.observers, content.size, content.work)
    let filed = try await flow.store.write { transaction in
      work.begin(.commit)
      defer { work.end(.commit) }
      try Self.own(mailbox, account, in: transaction)
      try Self.admit(size, to: account, quota: quota, in: transaction)
      let stored = try transaction.insert(new)
      let filed = try transaction.file(
        NewEntry(
          mailbox: mailbox, content: stored.id, flags: flags, keywords: keywords, internalDate: date,
          dateOffset: dateOffset))
      for observer in observers { try observer.observe(.filed(account: account, filed), in: &transaction) }
      return filed
    }
    content.body.drop()
    return filed
  }

  /// Throws ``MailboxError/overQuota(account:)`` when a message of a size would not fit now: asked before its bytes are
  /// taken. ``append(account:mailbox:content:flags:keywords:internalDate:dateOffset:)`` asks again.
  public func admit(_ size: Int, to account: String) async throws {
    guard let quota = flow.configuration().account(account)?.quota else { return }
    let used = try await flow.store.read { try $0.usage(account: account) }
    try Self.admit(size, to: account, quota: quota, used: used)
  }

  /// Changes flags and keywords of the messages that are there.
  public func changeFlags(
    account: String, mailbox: MailboxID, uids: UIDSet, _ change: FlagChange, _ flags: Flags, keywords: [String] = [],
    unchangedSince: ModSeq? = nil
  ) async throws -> FlagsChanged {
    let observers = flow.observers
    // On a full disk it must still be possible to delete.
    let purpose = change != .remove && flags.contains(.deleted) ? Store.Purpose.freeing : .adding
    return try await flow.store.write(purpose) { transaction in
      try Self.own(mailbox, account, in: transaction)
      let changed = try transaction.changeFlags(
        mailbox, uids, change, flags, keywords: keywords, unchangedSince: unchangedSince)
      for observer in observers {
        try observer.observe(.flagsChanged(account: account, mailbox: mailbox, changed), in: &transaction)
      }
      return changed
    }
  }

  /// Copies messages into another mailbox of the account.
  public func copy(account: String, from: MailboxID, uids: UIDSet, to: MailboxID) async throws -> Copied {
    let (quota, observers) = (flow.configuration().account(account)?.quota, flow.observers)
    return try await flow.store.write { transaction in
      try Self.own(from, account, in: transaction)
      try Self.own(to, account, in: transaction)
      let copied = try transaction.copy(from, uids, to: to)
      // The sum with the copies in it: if it is too much, nothing of this stays.
      try Self.admit(0, to: account, quota: quota, in: transaction)
      for observer in observers {
        try observer.observe(.copied(account: account, from: from, to: to, copied, isMove: false), in: &transaction)
      }
      return copied
    }
  }

  /// Moves messages into another mailbox of the account, in one step (RFC 6851).
  public func move(account: String, from: MailboxID, uids: UIDSet, to: MailboxID) async throws -> Copied {
    let observers = flow.observers
    // Moving to the trash is how many programs delete.
    return try await flow.store.write(.freeing) { transaction in
      try Self.own(from, account, in: transaction)
      try Self.own(to, account, in: transaction)
      let copied = try transaction.move(from, uids, to: to)
      for observer in observers {
        try observer.observe(.copied(account: account, from: from, to: to, copied, isMove: true), in: &transaction)
      }
      return copied
    }
  }

  /// Removes messages for good: those of the set that have `\Deleted`, or all of it.
  public func expunge(
    account: String, mailbox: MailboxID, uids: UIDSet = .all, onlyDeleted: Bool = true
  ) async throws -> Expunged {
    try await flow.store.write(.freeing) { transaction in
      try Self.own(mailbox, account, in: transaction)
      return try transaction.expunge(mailbox, uids, onlyDeleted: onlyDeleted)
    }
  }

  /// Makes the present messages of a mailbox no longer recent; the first UID that was (RFC 3501 §2.3.2).
  public func takeRecent(account: String, mailbox: MailboxID) async throws -> UID? {
    try await flow.store.write { transaction in
      try Self.own(mailbox, account, in: transaction)
      return try transaction.takeRecent(mailbox)
    }
  }

  private static func own(_ mailbox: MailboxID, _ account: String, in transaction: borrowing Transaction) throws {
    guard try transaction.mailbox(mailbox)?.account == account else {
      throw MailboxError.noSuchMailbox("of this account with the id \(mailbox)")
    }
  }

  private static func admit(
    _ size: Int, to account: String, quota: Int?, in transaction: borrowing Transaction
  ) throws {
    guard let quota else { return }
    try admit(size, to: account, quota: quota, used: try transaction.usage(account: account))
  }

  private static func admit(_ size: Int, to account: String, quota: Int, used: Usage) throws {
    let (sum, overflow) = used.bytes.addingReportingOverflow(size)
    if overflow || sum > quota { throw MailboxError.overQuota(account: account) }
  }

  private static func isInbox(_ name: String) -> Bool { name.lowercased() == "inbox" }

  private static func check(_ name: String) throws {
    guard !name.isEmpty else { throw MailboxError.badName("it is empty") }
    guard name.utf8.count <= 1000 else { throw MailboxError.badName("it is longer than 1000 bytes") }
    guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f && !(0x80..<0xa0).contains($0.value) })
    else { throw MailboxError.badName("it has control characters") }
    let levels = name.split(separator: Mailbox.separator, omittingEmptySubsequences: false)
    guard levels.allSatisfy({ !$0.isEmpty }) else { throw MailboxError.badName("it has an empty level") }
  }
}

extension MailFlow {
  /// Changes to mailboxes.
  public var mailboxes: MailboxService { MailboxService(flow: self) }
}
