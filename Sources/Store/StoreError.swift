/// What the store could not do.
public enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The disk (or the quota of the file system) is full. Nothing of the closure was kept; the store works on.
  case diskFull
  /// The operating system failed to write or sync while committing. Whether the change is on disk is not known until the
  /// store has been opened again: answer neither yes nor no. The store refuses all further writes.
  case outcomeUnknown(String)
  /// The database can only be read: its file system or its files are write-protected. The store reads, and writes nothing.
  case readOnly(path: String)
  /// The store is closed, or closing.
  case closed
  /// Another process has the database open.
  case locked(path: String)
  /// The database was written by a newer Postroom.
  case newerSchema(found: Int, known: Int)
  /// The file is not a database of Postroom's, or is damaged.
  case damaged(String)
  /// SQLite refused a statement; nothing of the closure was kept.
  case sql(code: Int32, String)
  /// A file or folder could not be made, opened or changed.
  case file(path: String, String)
  /// The row that a closure asked for is not there (any more).
  case missing(String)
  /// A mailbox of this name is there already.
  case mailboxExists(String)
  /// The mailbox has as many keywords as it can hold (``Flags/keywordLimit``).
  case tooManyKeywords(MailboxID)
  /// The mailbox has given out its last UID.
  case mailboxFull(MailboxID)
  /// A recipient in a final state cannot change any more.
  case alreadyFinal(RecipientID, RecipientState)
  /// What the caller handed in makes no sense here: a bug of the caller.
  case misuse(String)

  public var description: String {
    switch self {
    case .diskFull: "the disk is full: free some space"
    case .outcomeUnknown(let why):
      "writing failed (\(why)), and whether the change is on disk is not known: the store must be opened again"
    case .readOnly(let path):
      "\(path) can only be read: see whether its file system is mounted read-only and whom its files belong to"
    case .closed: "the store is closed"
    case .locked(let path): "\(path) is in use by another process: stop that one first"
    case .newerSchema(let found, let known):
      "the database has schema \(found), and this program knows schemas up to \(known): use the newer Postroom that wrote it"
    case .damaged(let what): "the database is damaged: \(what): keep a copy of the data folder, and restore a backup"
    case .sql(let code, let what): "the database refused a statement (SQLite error \(code)): \(what)"
    case .file(let path, let what): "\(path): \(what)"
    case .missing(let what): "there is no \(what)"
    case .mailboxExists(let name): "a mailbox \(name) is there already"
    case .tooManyKeywords(let id): "mailbox \(id) has \(Flags.keywordLimit) keywords already: remove some first"
    case .mailboxFull(let id): "mailbox \(id) has given out its last UID: move its messages into a new one"
    case .alreadyFinal(let id, let state): "recipient \(id) is \(state) already"
    case .misuse(let what): "the store was asked for something that makes no sense: \(what)"
    }
  }
}
