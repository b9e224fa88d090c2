public import Store

/// What happened in a mailbox, for those who learn from it or act on it.
public enum MailboxEvent: Sendable {
  /// Filed by delivery or APPEND.
  case filed(account: String, Filed)
  /// Copied or moved.
  case copied(account: String, from: MailboxID, to: MailboxID, Copied, isMove: Bool)
  case flagsChanged(account: String, mailbox: MailboxID, FlagsChanged)
}

/// One who adds rows of its own to the transaction that changes a mailbox (training, imapsieve).
public protocol MailboxObserver: Sendable {
  /// Runs on the writer thread inside the transaction: quick, re-runnable, nothing slow. What it throws takes the
  /// whole change back.
  func observe(_ event: MailboxEvent, in transaction: inout Transaction) throws
}
