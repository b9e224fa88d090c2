public import Message
public import Platform

/// Which folder of an account a copy goes into.
///
/// Special-use folders (RFC 6154) are found by their use, whatever they are called, and made if missing.
public enum Folder: Sendable, Hashable {
  case inbox
  case junk
  case sent
  case drafts
  case trash
  case archive
  /// A folder by its name. Where it does not exist the copy goes into the inbox.
  case named(String)
}

/// One copy for one account.
public struct Filing: Sendable, Hashable {
  public var account: String
  public var folder: Folder
  /// The address by which this account was reached; it becomes Delivered-To.
  public var deliveredTo: EmailAddress

  public init(account: String, folder: Folder = .inbox, deliveredTo: EmailAddress) {
    self.account = account
    self.folder = folder
    self.deliveredTo = deliveredTo
  }
}

/// What becomes of one recipient.
public indirect enum Fate: Sendable, Hashable {
  /// Filed at once.
  case deliver(Filing)
  /// The account gets its copy through another recipient of the same envelope: delivered, without a second copy.
  case merged(account: String)
  /// Queued for another server; `destination` is the domain by which the runner finds the way.
  case queue(destination: String)
  /// An alias or a group: the recipient itself is done, its children have fates of their own.
  case expand([Child])
  case quarantine(reason: String)
  /// Waits for a person, or until a time if there is one.
  case hold(reason: String, until: Moment?)
  case discard(reason: String)
  /// The client is told so if every recipient is rejected; otherwise this one is quarantined, for one reply cannot
  /// refuse it alone (RFC 5321 §4.2.5).
  case reject(Answer)
}

/// A recipient that expansion made.
public struct Child: Sendable, Hashable {
  public var address: EmailAddress
  public var fate: Fate
  /// The address of ours that led here. It becomes Delivered-To of what leaves the house, so that a message that
  /// comes back is known.
  public var through: EmailAddress

  public init(address: EmailAddress, fate: Fate, through: EmailAddress) {
    self.address = address
    self.fate = fate
    self.through = through
  }
}

/// One recipient's part of a plan.
public struct PlannedRecipient: Sendable {
  public var fate: Fate
  /// How its copy is marked; `nil` leaves the content as it is.
  public var tag: Tag?
  /// What planning wants the trace to say, if anything: `alias info → anna`.
  public var note: String?

  public init(_ fate: Fate, tag: Tag? = nil, note: String? = nil) {
    self.fate = fate
    self.tag = tag
    self.note = note
  }
}

/// What shall be done about a message: one entry for each recipient of its envelope, in the same order, and what
/// must still be true when it is done. Planning reads; carrying out is ``MailFlow``'s, in one transaction.
public struct Plan: Sendable {
  public var recipients: [PlannedRecipient]
  /// The configuration it was made with; another one in force at the commit means: plan again.
  public var configurationGeneration: UInt64

  public init(recipients: [PlannedRecipient], configurationGeneration: UInt64) {
    self.recipients = recipients
    self.configurationGeneration = configurationGeneration
  }
}
