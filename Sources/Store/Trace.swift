public import Platform

/// One step of a message's way: what happened to it, when, and in the other side's words.
public struct TraceStep: Hashable, Sendable {
  public var at: Moment
  /// `nil` when the step is about the whole message.
  public var recipient: String?
  /// The room: `reception`, `filtering`, `delivery`, `relay`, …
  public var stage: String
  /// What happened, in one word: `accepted`, `filed`, `queued`, `attempting`, …
  public var what: String
  /// The other side's words or ours. Bytes of strangers must have been made displayable.
  public var words: String
  /// The state the recipient came into by this step; set by the store, and only seen when the trace is read.
  public internal(set) var state: RecipientState?

  public init(at: Moment, recipient: String? = nil, stage: String, what: String, words: String = "") {
    self.at = at
    self.recipient = recipient
    self.stage = stage
    self.what = what
    self.words = words
  }
}

/// Mail that was refused before it was accepted: there is no envelope, only this row.
public struct Refusal: Hashable, Sendable {
  public var at: Moment
  public var peer: String
  public var helo: String?
  public var sender: String?
  public var recipient: String?
  public var messageID: String?
  public var subject: String?
  /// Where: `connect`, `rcpt`, `content`, …
  public var stage: String
  /// The reply that went out.
  public var words: String
  /// How many refusals this row stands for; more than 1 when they came too fast for a row each.
  public var count: Int

  public init(
    at: Moment, peer: String, helo: String? = nil, sender: String? = nil, recipient: String? = nil,
    messageID: String? = nil, subject: String? = nil, stage: String, words: String, count: Int = 1
  ) {
    self.at = at
    self.peer = peer
    self.helo = helo
    self.sender = sender
    self.recipient = recipient
    self.messageID = messageID
    self.subject = subject
    self.stage = stage
    self.words = words
    self.count = count
  }
}

/// What a search of the trace asks for; everything given must fit. Answers come newest first.
public struct TraceQuery: Sendable {
  /// With or without angle brackets.
  public var messageID: String?
  /// The sender's or a recipient's address, without regard to case; a part of it (`@example.org`) will do.
  public var address: String?
  /// All of these words must occur in the subject, without regard to the case of ASCII letters.
  public var subject: [String]
  public var from: Moment?
  public var until: Moment?
  public var limit: Int

  public init(
    messageID: String? = nil, address: String? = nil, subject: [String] = [], from: Moment? = nil,
    until: Moment? = nil, limit: Int = 100
  ) {
    self.messageID = messageID
    self.address = address
    self.subject = subject
    self.from = from
    self.until = until
    self.limit = limit
  }
}
