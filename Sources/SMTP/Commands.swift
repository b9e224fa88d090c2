public import Message

/// `MAIL FROM:` as it was understood.
public struct MailCommand: Sendable, Hashable {
  /// `nil` is the null reverse-path `<>`.
  public var reversePath: EmailAddress?
  /// SIZE: octets that the client expects to send (RFC 1870 §5).
  public var size: Int?
  /// BODY=8BITMIME (RFC 6152); `nil` without BODY.
  public var is8BitMIME: Bool?
  /// SMTPUTF8 (RFC 6531 §3.4).
  public var smtputf8 = false
  /// REQUIRETLS (RFC 8689 §2): onward only over TLS to servers that prove who they are and promise the same.
  public var requiresTLS = false
  /// RET (RFC 3461 §4.3).
  public var returnedContent: ReturnedContent?
  /// ENVID, without its xtext encoding (RFC 3461 §4.4).
  public var envelopeID: String?

  public init(reversePath: EmailAddress?) { self.reversePath = reversePath }
}

/// `RCPT TO:` as it was understood.
public struct RecipientCommand: Sendable, Hashable {
  /// For `<Postmaster>` alone, `postmaster` at the server's own name (RFC 5321 §4.5.1).
  public var address: EmailAddress
  /// `<Postmaster>` came without a domain.
  public var isBarePostmaster = false
  /// NOTIFY (RFC 3461 §4.1); `nil` without it.
  public var notify: NotifyConditions?
  /// ORCPT (RFC 3461 §4.2).
  public var original: OriginalAddress?

  public init(address: EmailAddress) { self.address = address }
}

/// EHLO or HELO as it was understood.
public struct HelloCommand: Sendable, Hashable {
  /// The client's name for itself, in printable ASCII; other bytes have become `?`.
  public var name: String
  /// EHLO, not HELO.
  public var isExtended: Bool
}

/// BDAT as it was understood (RFC 3030 §2).
public struct ChunkCommand: Sendable, Hashable {
  /// Octets that follow the command line at once. They must be read, whatever else happens.
  public var size: Int
  public var isLast: Bool
  /// The first of its transaction: content begins.
  public var isFirst: Bool
  /// Not `nil`: the octets are to be read and dropped, and this is said afterwards.
  public var refusal: Reply?
}
