internal import Configuration
public import MailFlow
public import Store
internal import Synchronization

/// Sees in mailboxes what people call spam, and notes it in the same transaction.
///
/// Moved or copied into Junk: spam. Out of Junk, but not into Trash: wanted. `$Junk` set: spam; `$NotJunk` set: wanted; neither
/// left: what a keyword taught is taken back. What the filters themselves put into Junk teaches nothing.
public final class TrainingObserver: MailboxObserver {
  private let learns: @Sendable () -> Bool
  private let noted = Atomic(false)

  /// - Parameter learns: whether the configuration wants it.
  public init(learns: @escaping @Sendable () -> Bool) { self.learns = learns }

  /// Whether something has been noted since this was last asked.
  func takeNoted() -> Bool { noted.exchange(false, ordering: .acquiringAndReleasing) }

  public func observe(_ event: MailboxEvent, in transaction: inout Transaction) throws {
    guard learns() else { return }
    switch event {
    case .filed: break
    case .copied(let account, let from, let to, let copied, _):
      try observe(copied, account, from: from, to: to, in: &transaction)
    case .flagsChanged(let account, let mailbox, let changed):
      try observe(changed, account, mailbox, in: &transaction)
    }
  }

  private func observe(
    _ copied: Copied, _ account: String, from: MailboxID, to: MailboxID, in transaction: inout Transaction
  ) throws {
    let (source, target) = (try transaction.mailbox(from)?.specialUse, try transaction.mailbox(to)?.specialUse)
    let wish: TrainingRow.Wish
    switch (source, target) {
    case (.junk, .junk), (.junk, .trash): return
    case (_, .junk): wish = .spam
    case (.junk, _): wish = .ham
    default: return
    }
    let uids = UIDSet(copied.destination)
    for entry in try transaction.read({ try $0.entries(to, uids) }) {
      try note(account, entry.content, wish, .move, in: &transaction)
    }
  }

  /// Words of the registry of IMAP keywords, and those that programs used before it had them.
  private static let junk = ["$Junk", "Junk"]
  private static let notJunk = ["$NotJunk", "NotJunk", "NonJunk"]

  private func observe(
    _ changed: FlagsChanged, _ account: String, _ mailbox: MailboxID, in transaction: inout Transaction
  ) throws {
    let junk = Self.flags(Self.junk, changed.keywords)
    let notJunk = Self.flags(Self.notJunk, changed.keywords)
    guard !changed.changed.isEmpty else { return }
    // A keyword that no message has any more may be gone from the mailbox's list.
    let mayUnmark = try transaction.hasMarks(account: account)
    guard mayUnmark || !junk.union(notJunk).isEmpty else { return }
    let uids = changed.changed
    let entries = try transaction.read { try $0.entries(mailbox, uids) }
    for entry in entries {
      let (isJunk, isNotJunk) = (!entry.flags.isDisjoint(with: junk), !entry.flags.isDisjoint(with: notJunk))
      switch (isJunk, isNotJunk) {
      case (true, false): try note(account, entry.content, .spam, .keyword, in: &transaction)
      case (false, true): try note(account, entry.content, .ham, .keyword, in: &transaction)
      case (true, true): break
      case (false, false):
        if mayUnmark, try transaction.isMarked(account: account, content: entry.content) {
          try note(account, entry.content, .unmarked, .keyword, in: &transaction)
        }
      }
    }
  }

  private static func flags(_ words: [String], _ keywords: Keywords) -> Flags {
    words.compactMap { keywords.number(of: $0) }.map(Flags.keyword).reduce([]) { $0.union($1) }
  }

  private func note(
    _ account: String, _ content: ContentID, _ wish: TrainingRow.Wish, _ cause: Lesson.Cause,
    in transaction: inout Transaction
  ) throws {
    try transaction.requestTraining(account: account, content: content, wish: wish, cause: cause)
    noted.store(true, ordering: .releasing)
  }
}
