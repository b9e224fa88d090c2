public import Message
public import Platform

/// The way by which a message came into the house.
public enum Origin: Int, Sendable, Hashable, Codable, CaseIterable {
  /// From another mail server, unauthenticated, on the MX port.
  case mx = 1
  /// From an authenticated user.
  case submission = 2
  /// From a printer or scanner that acts for an account without authentication.
  case device = 3
  /// Written by the appliance itself.
  case notification = 4
  /// Put into a mailbox by IMAP APPEND or an import; never goes through filters.
  case append = 5
  /// From a program of this machine, by the sendmail command.
  case local = 6

  /// The word for traces and listings.
  public var name: String {
    switch self {
    case .mx: "mx"
    case .submission: "submission"
    case .device: "device"
    case .notification: "notification"
    case .append: "append"
    case .local: "local"
    }
  }

  /// Whether the sender is nobody we know. Such mail causes no notification until senders can be authenticated.
  public var isFromOutside: Bool { self == .mx }
}

/// What the sender wants to be told about (NOTIFY, RFC 3461 §4.1).
///
/// An empty set is `NOTIFY=NEVER`. Without the parameter a recipient has ``standard``.
public struct NotifyRequest: OptionSet, Sendable, Hashable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let success = NotifyRequest(rawValue: 1)
  public static let failure = NotifyRequest(rawValue: 2)
  public static let delay = NotifyRequest(rawValue: 4)

  public static let never: NotifyRequest = []
  /// What holds when the parameter is absent: failures and, as RFC 3461 §4.1 allows, delays.
  public static let standard: NotifyRequest = [.failure, .delay]
}

/// The recipient as the sender first knew it (ORCPT, RFC 3461 §4.2): `rfc822;user@example.org`, xtext decoded.
public struct OriginalRecipient: Sendable, Hashable {
  /// The address type, such as `rfc822` or `utf-8`.
  public var type: String
  public var address: String

  public init(type: String, address: String) {
    self.type = type
    self.address = address
  }
}

/// How much of the message a notification of failure carries (RET, RFC 3461 §4.3).
public enum ReturnContent: Int, Sendable, Hashable, Codable {
  case full = 1
  case headers = 2
}

/// What the sender wants of the way on (RFC 8689).
public enum TransportWish: Int, Sendable, Hashable, Codable {
  /// Nothing was said: the destination's own policy holds.
  case standard = 0
  /// REQUIRETLS: only over TLS, to servers that prove who they are and promise the same.
  case required = 1
  /// `TLS-Required: No`: rather in plain text than not at all.
  case waived = 2
}

/// Who speaks, as far as the connection knows.
public struct Peer: Sendable, Hashable {
  /// The client's address; `nil` where there is none (the appliance itself, a test without a socket).
  public var address: IPAddress?
  /// The argument of EHLO or HELO as it came; bytes of strangers.
  public var helo: String

  public init(address: IPAddress?, helo: String) {
    self.address = address
    self.helo = helo
  }
}

/// One recipient of an envelope with what the sender asked for.
public struct EnvelopeRecipient: Sendable, Hashable {
  public var address: EmailAddress
  /// `nil`: the parameter was absent (what is passed on then is its absence too).
  public var notify: NotifyRequest?
  public var original: OriginalRecipient?

  public init(_ address: EmailAddress, notify: NotifyRequest? = nil, original: OriginalRecipient? = nil) {
    self.address = address
    self.notify = notify
    self.original = original
  }

  /// Whether the sender wants word of this.
  public func wants(_ what: NotifyRequest) -> Bool { (notify ?? .standard).contains(what) }
}

/// Everything about a message that is not its content (RFC 5321 §2.3.1).
public struct Envelope: Sendable {
  public var origin: Origin
  /// `nil` is the null reverse-path `<>`: a notification, which is never answered by another one.
  public var reversePath: EmailAddress?
  /// In the order of the RCPT commands.
  public var recipients: [EnvelopeRecipient]
  public var peer: Peer
  /// The account that authenticated, or for which a device acts.
  public var account: String?
  /// The device's configured name.
  public var device: String?
  /// The system's user whose program handed it in (``Origin/local``), as the kernel vouches.
  public var user: String?
  /// The TLS session in words, such as `TLSv1.3 TLS_AES_256_GCM_SHA384`; `nil` without TLS.
  public var tls: String?
  /// The registered protocol name for Received (RFC 3848, RFC 6531 §4.3): `ESMTPS`, `UTF8SMTPSA`…
  public var protocolName: String
  /// ENVID (RFC 3461 §4.4), xtext decoded.
  public var envelopeID: String?
  public var returnContent: ReturnContent?
  public var transport = TransportWish.standard
  /// MAIL carried SMTPUTF8 (RFC 6531).
  public var smtputf8: Bool
  /// MAIL carried BODY=8BITMIME (RFC 6152).
  public var eightBitMIME: Bool
  /// The listener through which it came, such as `smtp` or `submissions`.
  public var listener: String
  public var receivedAt: Moment
  /// Of mail from outside: SPF or an aligned signature proves the reverse-path, so its owner may be told what became of it.
  public var isSenderProven = false

  public init(
    origin: Origin, reversePath: EmailAddress?, recipients: [EnvelopeRecipient],
    peer: Peer = Peer(address: nil, helo: ""),
    account: String? = nil, device: String? = nil, tls: String? = nil, protocolName: String = "ESMTP",
    envelopeID: String? = nil, returnContent: ReturnContent? = nil, smtputf8: Bool = false,
    eightBitMIME: Bool = false, listener: String = "", receivedAt: Moment
  ) {
    self.origin = origin
    self.reversePath = reversePath
    self.recipients = recipients
    self.peer = peer
    self.account = account
    self.device = device
    self.tls = tls
    self.protocolName = protocolName
    self.envelopeID = envelopeID
    self.returnContent = returnContent
    self.smtputf8 = smtputf8
    self.eightBitMIME = eightBitMIME
    self.listener = listener
    self.receivedAt = receivedAt
  }
}
