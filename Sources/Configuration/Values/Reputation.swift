public import Platform

extension Configuration {
  /// A list of addresses or domains that somebody publishes in the DNS (RFC 5782).
  public struct DNSList: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// What it lists is suspicious.
      case block
      /// What it lists is known well.
      case allow
    }

    public enum Subject: String, Sendable, Hashable, CaseIterable {
      /// The client's address.
      case addresses
      /// The domains of the reverse-path and of From.
      case domains
    }

    /// The domain below which it is, in lower case.
    public let zone: String
    public let kind: Kind
    public let subject: Subject
    /// What its answers weigh, each at least 0; the strongest of several counts.
    public let codes: [IPAddress: Double]
    /// What any other answer weighs.
    public let score: Double
    /// For each question.
    public let timeLimit: Duration
  }

  /// Suspicious mail of strangers is put off once.
  public struct Greylisting: Sendable, Hashable {
    public var enabled = false
    /// From this score on a message is suspicious.
    public var fromScore = 2.0
    /// How long a sender must wait before it comes again.
    public var delay = Duration.seconds(300)
    /// How long a sender that came again is remembered.
    public var keep = Duration.seconds(35 * 86_400)
  }
}
