public import Platform

/// A mailbox with its counters, as one transaction saw it.
public struct Mailbox: Hashable, Sendable {
  public let id: MailboxID
  public internal(set) var account: String
  /// UTF-8, levels separated by `/`. The inbox is `INBOX`, whatever case a caller uses.
  public internal(set) var name: String
  public internal(set) var uidValidity: UInt32
  public internal(set) var uidNext: UID
  public internal(set) var highestModSeq: ModSeq
  /// The modification sequence that messages which were there already got last.
  public internal(set) var lastChange: ModSeq
  public internal(set) var messages: Int
  /// Messages without `\Seen`.
  public internal(set) var unseen: Int
  /// Messages with `\Deleted`.
  public internal(set) var deleted: Int
  /// Sum of the messages' sizes (`STATUS` item `SIZE`; what counts in the quota).
  public internal(set) var bytes: Int
  /// Messages from this UID on are `\Recent` for whoever takes them first (``Transaction/takeRecent(_:)``).
  public internal(set) var recentFrom: UID
  public internal(set) var specialUse: SpecialUse?

  /// What separates the levels of mailbox names.
  public static let separator: Character = "/"
}

/// The special uses of RFC 6154 §2.
public enum SpecialUse: String, Hashable, Sendable, CaseIterable {
  case all = "\\All"
  case archive = "\\Archive"
  case drafts = "\\Drafts"
  case flagged = "\\Flagged"
  case junk = "\\Junk"
  case sent = "\\Sent"
  case trash = "\\Trash"
}

/// What an account's mailboxes hold together; what the quota is compared with. Quarantined mail does not count.
public struct Usage: Hashable, Sendable {
  public var messages: Int
  public var bytes: Int

  public init(messages: Int = 0, bytes: Int = 0) {
    self.messages = messages
    self.bytes = bytes
  }
}

/// A message to be filed in a mailbox.
public struct NewEntry: Sendable {
  public var mailbox: MailboxID
  public var content: ContentID
  /// The copy's own header fields, if it has any (``Transaction/insertPrefix(_:)``).
  public var prefix: PrefixID?
  /// System flags. Keyword bits are ignored here.
  public var flags: Flags
  /// Words; those that the mailbox does not have yet are added to it.
  public var keywords: [String]
  /// IMAP's `INTERNALDATE`.
  public var internalDate: Moment
  /// The offset of the internal date in minutes, as a client gave it with `APPEND`.
  public var dateOffset: Int

  public init(
    mailbox: MailboxID, content: ContentID, prefix: PrefixID? = nil, flags: Flags = [], keywords: [String] = [],
    internalDate: Moment, dateOffset: Int = 0
  ) {
    self.mailbox = mailbox
    self.content = content
    self.prefix = prefix
    self.flags = flags
    self.keywords = keywords
    self.internalDate = internalDate
    self.dateOffset = dateOffset
  }
}

/// Where a message came to lie.
public struct Filed: Hashable, Sendable {
  public let mailbox: MailboxID
  public let uidValidity: UInt32
  public let uid: UID
  public let modSeq: ModSeq
}

/// One message of a mailbox, without its content.
public struct Entry: Hashable, Sendable {
  public let uid: UID
  public let flags: Flags
  public let modSeq: ModSeq
  public let internalDate: Moment
  /// Minutes east of UTC in which the internal date was given.
  public let dateOffset: Int
  /// IMAP's `RFC822.SIZE`: prefix, header section and body.
  public let size: Int
  public let content: ContentID
  public let prefix: PrefixID?
}

/// An entry with those columns of its content that were asked for; the others are empty.
public struct FetchedEntry: Sendable {
  public let entry: Entry
  public internal(set) var columns = ContentColumns()
  /// Which of the columns were read.
  public internal(set) var loaded: FetchColumns = []
  /// The copy's own header fields, when ``FetchColumns/header`` was asked for.
  public internal(set) var prefix: [UInt8] = []
  /// See ``NewContent/facts``. 0 when no column was asked for.
  public internal(set) var facts: Int64 = 0
  /// The content, when more was asked for than its card has.
  public internal(set) var content: StoredContent?

  init(_ entry: Entry) { self.entry = entry }

  /// Bytes of the stored header section, without the prefix. 0 when no column was asked for.
  public var headerSize: Int { content?.headerSize ?? 0 }
}

/// Which columns a fetch should read.
public struct FetchColumns: OptionSet, Hashable, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let envelope = FetchColumns(rawValue: 1)
  public static let bodyStructure = FetchColumns(rawValue: 2)
  /// The encoded MIME structure.
  public static let structure = FetchColumns(rawValue: 4)
  /// The copy's prefix and the header section.
  public static let header = FetchColumns(rawValue: 8)
  /// At least those fields of prefix and header section that cards have (``Card/fields``): in
  /// ``ContentColumns/header``, in one with the prefix, or as for ``header``.
  public static let listedFields = FetchColumns(rawValue: 16)
}

/// All of a mailbox that a session needs to keep in view, from one read transaction. The arrays run in parallel, by
/// ascending UID.
public struct MailboxSnapshot: Sendable {
  public let mailbox: Mailbox
  public let keywords: Keywords
  public let uids: [UID]
  public let flags: [Flags]
  public let modSeqs: [ModSeq]
  /// With it a session that holds the mailbox (``Store/hold(_:)``) reads a message that was expunged meanwhile.
  public let contents: [ContentID]
}

/// What happened to a mailbox after a modification sequence, from one read transaction.
public struct MailboxChanges: Sendable {
  public let mailbox: Mailbox
  public let keywords: Keywords
  /// New messages and messages with changed flags, by ascending UID.
  public let changed: [EntryFlags]
  /// UIDs that were removed. May hold UIDs that came and went meanwhile.
  public let expunged: UIDSet
}

public struct EntryFlags: Hashable, Sendable {
  public let uid: UID
  public let flags: Flags
  public let modSeq: ModSeq

  public init(uid: UID, flags: Flags, modSeq: ModSeq) {
    self.uid = uid
    self.flags = flags
    self.modSeq = modSeq
  }
}

public enum FlagChange: Hashable, Sendable {
  case add, remove, replace
}

/// What a change of flags did.
public struct FlagsChanged: Sendable {
  /// The modification sequence of the change; the mailbox's highest one when nothing changed.
  public let modSeq: ModSeq
  /// Every message of the set that is there and did not fail, with its flags now, by ascending UID.
  public let entries: [EntryFlags]
  /// UIDs among ``entries`` whose flags are other than before.
  public let changed: UIDSet
  /// UIDs that were left alone because they changed after `unchangedSince` (RFC 7162 §3.1.3).
  public let failed: UIDSet
  /// The mailbox's keywords after the change.
  public let keywords: Keywords
}

/// What an expunge removed.
public struct Expunged: Sendable {
  public let uids: UIDSet
  /// The modification sequence of the removal; the mailbox's highest one when nothing was removed.
  public let modSeq: ModSeq
}

/// What a copy or a move did: the response code COPYUID (RFC 4315 §3). The arrays run in parallel.
public struct Copied: Sendable {
  public let uidValidity: UInt32
  public let source: [UID]
  public let destination: [UID]
  /// The modification sequence of the removal from the source, for a move.
  public let expungedModSeq: ModSeq?
}
