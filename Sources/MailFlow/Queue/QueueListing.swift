public import Platform
internal import Store

/// One waiting recipient, as listings show it. All texts are displayable.
public struct QueueListing: Sendable, Hashable, Codable {
  /// `ENVELOPE.NUMBER`: what the commands take.
  public var id: String
  public var envelope: String
  public var state: String
  public var origin: String
  /// Empty: a notification, which has no sender.
  public var sender: String
  public var recipient: String
  public var destination: String?
  public var account: String?
  public var arrived: Moment
  /// The next attempt, or the end of the hold.
  public var due: Moment?
  public var attempts: Int
  /// Whether it is being sent at this moment (or was when the process ended).
  public var isUnderWay: Bool
  /// Why it waits: the last reply, the filter's reason.
  public var said: String?
  public var subject: String?
  public var messageID: String?
  /// Bytes as received.
  public var size: Int

  init(_ row: QueueRow) {
    let (envelope, recipient) = (row.envelope, row.recipient)
    id = recipient.id.description
    self.envelope = envelope.id.description
    state = recipient.state.description
    origin = envelope.origin
    sender = envelope.sender ?? ""
    self.recipient = recipient.address
    destination = recipient.destination
    account = envelope.account
    arrived = envelope.at
    due = recipient.due
    attempts = recipient.attempts
    isUnderWay = recipient.attempting != nil
    said = recipient.said
    subject = envelope.subject
    messageID = envelope.messageID
    size = envelope.size
  }
}

/// A waiting recipient in full.
public struct QueueDetail: Sendable, Codable {
  public var listing: QueueListing
  /// The header section, a line each, displayable.
  public var header: [String]
  /// File names (or types) of what it carries, displayable.
  public var attachments: [String]
  /// The recipient's and the whole message's steps.
  public var journey: Journey
}
