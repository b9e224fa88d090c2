public import Platform

extension Configuration {
  /// Where mail for some domains, or of some senders, goes.
  public struct Route: Sendable, Hashable {
    /// Domain names in lower case; `.example.net` is every domain below `example.net`. None: all domains.
    public let domains: [String]
    /// Addresses or domains on the envelope, in lower case. None: all senders.
    public let senders: [String]
    public let nextHop: NextHop

    /// Whether it is for mail of that sender: the reverse-path, `nil` for the empty one.
    func isFor(sender: String?) -> Bool {
      if senders.isEmpty { return true }
      guard let sender = sender?.lowercased() else { return false }
      let domain = sender.lastIndex(of: "@").map { String(sender[sender.index(after: $0)...]) }
      return senders.contains(sender) || domain.map(senders.contains) == true
    }
  }

  /// Another mail server, and how to speak with it.
  public struct NextHop: Sendable, Hashable {
    public enum TLSMode: String, Sendable, Hashable, CaseIterable {
      /// STARTTLS where it is offered; whoever answers is believed.
      case opportunistic
      /// STARTTLS or nothing; whoever answers is believed.
      case encrypted
      /// STARTTLS or nothing; the certificate must be valid and for the host's name.
      case verified
      /// TLS from the first byte; the certificate must be valid and for the host's name.
      case implicit
      /// None at all.
      case off
    }

    public let address: HostPort
    public let tls: TLSMode
    /// The name to authenticate with. `nil`: no authentication.
    public let user: String?
    /// The file whose first line is the password.
    public let passwordFile: String?
  }

  /// How long mail that cannot leave is kept, and how often it is tried.
  public struct Queue: Sendable, Hashable {
    /// Waits between attempts; the last one is repeated.
    public let retry: [Duration]
    /// After this the sender gets it back (RFC 5321 §4.5.4.1 says 4 to 5 days).
    public let giveUpAfter: Duration
    /// After this the sender is told that it is delayed.
    public let delayNoticeAfter: Duration
    /// Connections to other servers at once, all together.
    public let connections: Int
    /// Connections to one server at once, if it takes so many.
    public let connectionsPerDestination: Int

    /// The wait after the given number of attempts that failed (1 is the first).
    public func wait(afterAttempts attempts: Int) -> Duration {
      retry.isEmpty ? .seconds(1800) : retry[min(max(attempts - 1, 0), retry.count - 1)]
    }
  }

  /// What is remembered of the journeys of messages.
  public struct Trace: Sendable, Hashable {
    public let keep: Duration
    /// Whether subjects are remembered.
    public let subjects: Bool
  }

  /// Where the command line asks the running appliance.
  public struct Control: Sendable, Hashable {
    /// The path of the Unix socket; at most 107 bytes.
    public let socket: String
    /// The group whose members may use it, where the system has it.
    public let group: String
  }

  /// From the most talkative to the most silent, as swift-log has them.
  public enum LogLevel: String, Sendable, Hashable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
  }
}
