public import Platform

/// In which state a recipient of an accepted envelope is; always exactly one.
///
///     queued ⇄ held ⇄ quarantined          waiting
///        └───────┴─────────┴─▶ delivered, relayed, expanded, failed, discarded, recalled    final
public enum RecipientState: Int, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case queued = 0
  case held = 1
  case quarantined = 2
  case delivered = 3
  case relayed = 4
  case expanded = 5
  case failed = 6
  case discarded = 7
  case recalled = 8

  public var isWaiting: Bool { rawValue <= RecipientState.quarantined.rawValue }
  public var isFinal: Bool { !isWaiting }

  public var description: String {
    switch self {
    case .queued: "queued"
    case .held: "held"
    case .quarantined: "quarantined"
    case .delivered: "delivered"
    case .relayed: "relayed"
    case .expanded: "expanded"
    case .failed: "failed"
    case .discarded: "discarded"
    case .recalled: "recalled"
    }
  }

  /// Reads the word that ``description`` writes.
  public init?(_ word: some StringProtocol) {
    guard let state = Self.allCases.first(where: { $0.description == word }) else { return nil }
    self = state
  }
}

/// An envelope about to be accepted.
public struct NewEnvelope: Sendable {
  public var at: Moment
  /// `mx`, `submission`, `device`, `notification`, …
  public var origin: String
  public var content: ContentID?
  /// The reverse-path; `nil` is the empty one, `<>`.
  public var sender: String?
  public var peer: String?
  public var helo: String?
  /// The account that submitted it.
  public var account: String?
  /// What the owner of the envelope needs besides (ENVID, RET, SMTPUTF8, BODY, …), opaque to the store.
  public var options: [UInt8]
  /// A hash over envelope and content by which a retry is recognised (RFC 1047).
  public var fingerprint: Int64?
  /// As the header has it; by it the trace is found.
  public var messageID: String?
  /// For the trace; `nil` where the configuration keeps none.
  public var subject: String?
  /// Bytes of the message as it was received.
  public var size: Int

  public init(
    at: Moment, origin: String, content: ContentID?, sender: String?, peer: String? = nil, helo: String? = nil,
    account: String? = nil, options: [UInt8] = [], fingerprint: Int64? = nil, messageID: String? = nil,
    subject: String? = nil, size: Int = 0
  ) {
    self.at = at
    self.origin = origin
    self.content = content
    self.sender = sender
    self.peer = peer
    self.helo = helo
    self.account = account
    self.options = options
    self.fingerprint = fingerprint
    self.messageID = messageID
    self.subject = subject
    self.size = size
  }
}

/// An accepted envelope.
public struct StoredEnvelope: Hashable, Sendable {
  public let id: EnvelopeID
  public let at: Moment
  public let origin: String
  /// The content may be gone when no copy and no waiting recipient needs it any more.
  public let content: ContentID?
  public let sender: String?
  public let peer: String?
  public let helo: String?
  public let account: String?
  public let options: [UInt8]
  public let fingerprint: Int64?
  public let reply: ReplyOutcome
  public let messageID: String?
  public let subject: String?
  public let size: Int
}

/// Whether the client has seen the reply to its content (RFC 1047).
public enum ReplyOutcome: Int, Hashable, Sendable {
  /// Not known yet. After a restart this counts as lost.
  case pending = 0
  case read = 1
  case lost = 2
}

/// An envelope that had the same fingerprint.
public struct EarlierEnvelope: Hashable, Sendable {
  public let id: EnvelopeID
  public let at: Moment
  /// ``ReplyOutcome/lost`` also when it was pending as an earlier process ended.
  public let reply: ReplyOutcome
}

/// A recipient about to be accounted for.
public struct NewRecipient: Sendable {
  public var address: String
  public var state: RecipientState
  /// When the runner should look at it: of queued ones the next attempt, of held ones the release. `nil`: not by itself.
  public var due: Moment?
  /// Where it goes next: a domain or a route's name; by it the runner groups deliveries.
  public var destination: String?
  /// NOTIFY, ORCPT and the like, opaque to the store.
  public var options: [UInt8]
  /// The content this recipient gets. Needed while it waits.
  public var content: ContentID?
  /// Header fields to be put before the header section when it is relayed or released.
  public var prefix: PrefixID?
  /// The last words about it: why it is held, what the other side said.
  public var said: String?

  public init(
    address: String, state: RecipientState, due: Moment? = nil, destination: String? = nil, options: [UInt8] = [],
    content: ContentID? = nil, prefix: PrefixID? = nil, said: String? = nil
  ) {
    self.address = address
    self.state = state
    self.due = due
    self.destination = destination
    self.options = options
    self.content = content
    self.prefix = prefix
    self.said = said
  }
}

/// A recipient of an accepted envelope. What can change is `var`: see ``Transaction/update(_:trace:_:)``.
public struct Recipient: Hashable, Sendable {
  public let id: RecipientID
  public var address: String
  public var state: RecipientState
  public var due: Moment?
  public var destination: String?
  /// Attempts that have ended.
  public var attempts: Int
  /// When the attempt began that has not ended: set before the final dot. Found at start, its outcome is uncertain.
  public var attempting: Moment?
  public var said: String?
  public var options: [UInt8]
  public var content: ContentID?
  public var prefix: PrefixID?
}

/// A recipient together with its envelope.
public struct QueueRow: Hashable, Sendable {
  public let envelope: StoredEnvelope
  public let recipient: Recipient

  public init(envelope: StoredEnvelope, recipient: Recipient) {
    self.envelope = envelope
    self.recipient = recipient
  }
}

/// Which waiting recipients a listing wants. `nil` does not restrict.
public struct QueueFilter: Sendable {
  public var state: RecipientState?
  /// The recipient's address.
  public var recipient: String?
  public var sender: String?
  public var destination: String?
  public var account: String?
  public var envelope: EnvelopeID?
  /// Accepted by then.
  public var acceptedBy: Moment?
  /// Words of what was said last about it, in any case.
  public var reason: String?
  /// Only rows after this one, for the next page of a listing.
  public var after: RecipientID?
  public var limit: Int

  public init(
    state: RecipientState? = nil, recipient: String? = nil, sender: String? = nil, destination: String? = nil,
    account: String? = nil, envelope: EnvelopeID? = nil, acceptedBy: Moment? = nil, reason: String? = nil,
    after: RecipientID? = nil, limit: Int = 1000
  ) {
    self.state = state
    self.recipient = recipient
    self.sender = sender
    self.destination = destination
    self.account = account
    self.envelope = envelope
    self.acceptedBy = acceptedBy
    self.reason = reason
    self.after = after
    self.limit = limit
  }
}
