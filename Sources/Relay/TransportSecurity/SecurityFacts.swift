internal import Configuration
internal import MailFlow
internal import Network
internal import Platform
internal import Resolver
internal import SMTP

/// What the DNS says about the certificate of a mail server (RFC 7672 §2.2).
enum TLSAFinding: Hashable, Sendable {
  /// Nothing that DNSSEC proves.
  case absent
  /// Proven records that can tell one server from another, and the name below which they stand.
  case usable([TLSARecord], base: DomainName)
  /// Proven records, none of which can be used: TLS is a must, and anybody will do (RFC 7672 §2.2).
  case unusable
  /// Nobody knows: the look-up failed, or its answer is forged. Half a sentence says why.
  case failed(String)
}

/// What a domain says by MTA-STS (RFC 8461).
enum STSFinding: Hashable, Sendable {
  case absent
  case policy(STSPolicy)
  /// There is one, and it could not be had; nor is an earlier one at hand that still holds.
  case failed(STSFailure)
}

/// Why a policy could not be had.
struct STSFailure: Error, Hashable, Sendable {
  /// A result type of RFC 8460 §4.3.2.2.
  enum Kind: String, Hashable, Sendable {
    case fetch = "sts-policy-fetch-error"
    case invalid = "sts-policy-invalid"
    case webPKI = "sts-webpki-invalid"
  }

  var kind: Kind
  /// Half a sentence.
  var reason: String
}

/// All that the decision about one mail exchanger rests on.
struct SecurityFacts: Sendable {
  /// The mail exchanger, in ASCII.
  var host: String
  /// The domain that the mail is for.
  var domain: String
  /// DNSSEC proves that the host is the domain's.
  var isHostProven: Bool
  /// Of the messages that the session is for.
  var wish: TransportWish
  var mode: Configuration.TLSPolicy.Mode
  var tlsa: TLSAFinding
  var sts: STSFinding
}
