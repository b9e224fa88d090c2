public import Message
public import Platform
public import Store

/// One recipient of a claim.
public struct ClaimedRecipient: Sendable, Hashable {
  public let id: RecipientID
  public let address: EmailAddress
  /// What to ask of the next hop; `nil` if the sender asked for nothing (RFC 3461 §5.2.1 c).
  public let notify: NotifyRequest?
  public let original: OriginalRecipient?
  /// Attempts that have ended before this one.
  public let attempts: Int
}

/// Part of the queue that one worker has taken: recipients of one envelope, with one content, for one destination.
///
/// Nobody else gets them until ``MailFlow/recordOutcomes(_:_:)`` or until the claim goes out of use. A claim lives in
/// memory only: after a crash everything is free again.
public final class QueueClaim: Sendable {
  public let id: EnvelopeID
  /// The envelope without its recipients.
  public let envelope: Envelope
  public let content: ContentID
  public let prefix: PrefixID?
  public let facts: ContentFacts
  /// The domain (or the route's name) to which all of it goes.
  public let destination: String
  public let recipients: [ClaimedRecipient]
  private let claims: QueueClaims

  /// RFC 5321 §4.5.4.1: from here on the days are counted.
  public var queuedSince: Moment { envelope.receivedAt }
  /// It needs a next hop with SMTPUTF8 (RFC 6531 §3.2): an address of it, or its header section, is not ASCII.
  public var needsSMTPUTF8: Bool {
    facts.contains(.eightBitHeaders) || (envelope.reversePath?.isInternationalized ?? false)
      || recipients.contains { $0.address.isInternationalized }
  }
  /// It needs a next hop with 8BITMIME (RFC 6152).
  public var needs8BitMIME: Bool { !facts.isDisjoint(with: [.eightBitBody, .eightBitHeaders]) }

  init(
    id: EnvelopeID, envelope: Envelope, content: ContentID, prefix: PrefixID?, facts: ContentFacts,
    destination: String, recipients: [ClaimedRecipient], claims: QueueClaims
  ) {
    self.id = id
    self.envelope = envelope
    self.content = content
    self.prefix = prefix
    self.facts = facts
    self.destination = destination
    self.recipients = recipients
    self.claims = claims
  }

  deinit { letGo() }

  /// Gives everything back without an outcome. Harmless when repeated.
  public func letGo() { claims.release(recipients.map(\.id)) }

  func letGo(_ ids: some Sequence<RecipientID>) { claims.release(ids) }
}

/// What came of an attempt for one recipient.
public enum AttemptOutcome: Sendable, Hashable {
  /// The next hop took it over. `supportsDSN`: NOTIFY was passed on; otherwise success is reported here as `relayed`
  /// (RFC 3461 §5.2.2 b).
  case relayed(host: String, reply: String, supportsDSN: Bool)
  /// Not now. `until` is when to try again.
  case deferred(until: Moment, status: String, host: String?, reply: String)
  /// Never. The sender is told, where one may be told.
  case failed(status: String, host: String?, reply: String)
  /// The connection broke after the final dot: perhaps it was taken, perhaps not. It stays queued.
  case uncertain(until: Moment, host: String?, reason: String)
}
