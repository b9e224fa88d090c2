public import Message

/// One message for a remote server: the envelope, and what the content needs.
public struct ClientTransaction: Sendable {
  public struct Recipient: Sendable, Hashable {
    public var address: EmailAddress
    /// NOTIFY; passed on where the server has DSN (RFC 3461 §5.2.1).
    public var notify: NotifyConditions?
    /// ORCPT; passed on where the server has DSN.
    public var original: OriginalAddress?

    public init(_ address: EmailAddress, notify: NotifyConditions? = nil, original: OriginalAddress? = nil) {
      self.address = address
      self.notify = notify
      self.original = original
    }
  }

  /// `nil` is `<>`.
  public var reversePath: EmailAddress?
  public var recipients: [Recipient]
  /// Octets of the content, line ends as CRLF.
  public var size: Int
  /// The body has bytes over 127: the server must offer 8BITMIME.
  public var needs8BitMIME: Bool
  /// An address or the header section is beyond ASCII: the server must offer SMTPUTF8.
  public var needsSMTPUTF8: Bool
  /// The message came with REQUIRETLS, so it goes with REQUIRETLS (RFC 8689 §4.2.1). A notification, which has no sender,
  /// goes without it where the server does not have it.
  public var requiresTLS: Bool
  public var returnedContent: ReturnedContent?
  public var envelopeID: String?

  public init(
    reversePath: EmailAddress?, recipients: [Recipient], size: Int, needs8BitMIME: Bool = false,
    needsSMTPUTF8: Bool = false, requiresTLS: Bool = false, returnedContent: ReturnedContent? = nil,
    envelopeID: String? = nil
  ) {
    self.reversePath = reversePath
    self.recipients = recipients
    self.size = size
    self.needs8BitMIME = needs8BitMIME
    self.needsSMTPUTF8 = needsSMTPUTF8
    self.requiresTLS = requiresTLS
    self.returnedContent = returnedContent
    self.envelopeID = envelopeID
  }
}

/// What became of one recipient of a ``ClientTransaction``.
public enum RecipientResult: Sendable, Hashable {
  /// The server took the message for it.
  case accepted(Reply)
  /// The server refused, for now (4yz) or for good (5yz).
  case refused(Reply)
  /// We did not even ask: the server lacks what the message needs, or takes no message of this size.
  case incapable(Reply)
  /// The connection ended before the end of the content was sent: nothing was accepted.
  case lost(String)
  /// The connection ended after the end of the content was sent, before the reply: it may have been accepted
  /// (RFC 1047).
  case uncertain(String)
}

/// What became of a ``ClientTransaction``.
public struct TransactionOutcome: Sendable, Equatable {
  /// One result for each recipient, in their order.
  public var results: [RecipientResult]
  /// The server had DSN, so that notifications are now its duty (RFC 3461 §5.2.1); otherwise it is ours to
  /// say `relayed` (§5.2.2).
  public var serverHasDSN: Bool

  public init(results: [RecipientResult], serverHasDSN: Bool) {
    self.results = results
    self.serverHasDSN = serverHasDSN
  }
}

/// How the content is put on the wire.
public enum ContentTransfer: Sendable, Equatable {
  /// Through a ``DotEncoder``, then its ``DotEncoder/finish(into:)``.
  case dot
  /// As it is, in pieces: before each one `BDAT size CRLF`, at the end ``ClientMachine/lastChunk``.
  case chunks
}
