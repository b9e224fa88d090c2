/// What a ``ServerMachine`` announces and enforces.
public struct ServerSettings: Sendable {
  /// Which service the port offers.
  public enum Service: Sendable, Hashable {
    /// Port 25: mail from other servers. AUTH does not exist there.
    case transfer
    /// Ports 587 and 465: mail from users, who authenticate first (RFC 6409).
    case submission
  }

  public var service: Service
  /// Our name: in the greeting, in the reply to EHLO, and the domain of `<Postmaster>`.
  public var hostname: String
  /// The largest message in octets; announced by SIZE (RFC 1870 §3).
  public var sizeLimit: Int
  /// The most recipients of one message; at least 100 (RFC 5321 §4.5.3.1.8). Announced as RCPTMAX (RFC 9422).
  public var recipientLimit: Int
  /// The most MAIL commands of one session. Announced as MAILMAX (RFC 9422).
  public var transactionLimit: Int
  /// Recipients that do not exist, until the session ends with 421.
  public var unknownRecipientLimit: Int
  /// Commands that are not understood or come out of order, until the session ends with 421.
  public var errorLimit: Int
  /// Failed authentications, until the session ends with 421.
  public var authenticationFailureLimit: Int
  /// STARTTLS is offered while TLS is not in use.
  public var offersTLS: Bool
  /// A password may come without TLS: the client's address is one that the configuration names.
  public var allowsPlaintextPasswords: Bool
  /// SASL mechanisms in the order in which they are announced.
  public var mechanisms: [String]
  /// MAIL is refused until the client has authenticated. Only for ``Service/submission``; off for a device.
  public var requiresAuthentication: Bool
  /// Command lines may end with a bare LF, and paths may come without brackets: for devices.
  public var isLenient: Bool

  public init(
    service: Service, hostname: String, sizeLimit: Int = 50 << 20, recipientLimit: Int = 1000,
    transactionLimit: Int = 1000, unknownRecipientLimit: Int = 20, errorLimit: Int = 20,
    authenticationFailureLimit: Int = 5, offersTLS: Bool = true, allowsPlaintextPasswords: Bool = false,
    mechanisms: [String] = ["SCRAM-SHA-256", "PLAIN", "LOGIN"], requiresAuthentication: Bool? = nil,
    isLenient: Bool = false
  ) {
    self.service = service
    self.hostname = hostname
    self.sizeLimit = sizeLimit
    self.recipientLimit = max(recipientLimit, 100)
    self.transactionLimit = max(transactionLimit, 1)
    self.unknownRecipientLimit = unknownRecipientLimit
    self.errorLimit = errorLimit
    self.authenticationFailureLimit = authenticationFailureLimit
    self.offersTLS = offersTLS
    self.allowsPlaintextPasswords = allowsPlaintextPasswords
    self.mechanisms = mechanisms
    self.requiresAuthentication = requiresAuthentication ?? (service == .submission)
    self.isLenient = isLenient
  }
}
