public import Platform

extension Configuration {
  /// One of the five services, and where it listens when no socket was inherited for it.
  public struct Service: Sendable, Hashable {
    /// The name is also that of the table in the file and of the inherited socket (`FileDescriptorName=`).
    public enum Name: String, Sendable, Hashable, CaseIterable {
      /// Mail from other servers, port 25.
      case smtp
      /// Mail from our own people over STARTTLS, port 587.
      case submission
      /// The same over implicit TLS, port 465.
      case submissions
      /// IMAP with STARTTLS, port 143.
      case imap
      /// IMAP over implicit TLS, port 993.
      case imaps

      /// Whether TLS begins with the connection.
      public var isImplicitTLS: Bool { self == .submissions || self == .imaps }
    }

    public let name: Name
    public let enabled: Bool
    /// Addresses, not names. `[::]` means every address, IPv4 too. Port 0 asks for any free port.
    public let listen: [HostPort]
  }

  /// Which certificate the appliance shows.
  public struct TLS: Sendable, Hashable {
    /// A certificate chain and its key, both PEM files.
    public struct Identity: Sendable, Hashable {
      /// Further names (SNI) for which this one is shown; empty for the one that is shown by default.
      public let names: [String]
      public let certificate: String
      public let key: String
    }

    /// Shown unless the client asks for a name of ``named``. `nil`: the file names none, and the appliance uses a
    /// self-made certificate in the data folder.
    public let identity: Identity?
    /// Shown when a client asks for one of their names.
    public let named: [Identity]
  }

  /// What the appliance grants to strangers and to its own people at most.
  public struct Limits: Sendable, Hashable {
    /// Bytes of a message (RFC 1870), also of an APPEND.
    public let messageSize: Int
    /// Recipients of one message; at least 100 (RFC 5321 §4.5.3.1.8).
    public let recipients: Int
    /// Connections at once, of all services together.
    public let connections: Int
    /// Connections at once from one address.
    public let connectionsPerAddress: Int
    /// Bytes of messages on their way in that wait on disk, of all sessions together.
    public let staging: Int
    /// The share of ``staging`` that one address may take.
    public let stagingPerAddress: Int
    /// Free bytes of the disk below which nothing is accepted any more (452).
    public var diskReserve: Int
    /// From the last byte of content to the reply on port 25: what a filter has not said by then counts as unknown.
    public let replyDeadline: Duration
    /// The same for our own people's submissions.
    public let submissionReplyDeadline: Duration
    /// Messages that one address may begin on port 25 in a minute.
    public let messagesPerMinute: Int
    /// How long at most the reply to a client takes that causes refusal after refusal.
    public let longestRefusal: Duration
  }

  /// What is particular to mail from our own people.
  public struct Submission: Sendable, Hashable {
    /// Whether the Received field tells the address of the sender's computer.
    public let showClientAddress: Bool
  }

  /// A scanner or printer that sends without a password.
  public struct Device: Sendable, Hashable {
    public enum Reach: String, Sendable, Hashable, CaseIterable {
      /// Only addresses of our own domains.
      case inside
      /// Anyone.
      case outside
    }

    public let name: String
    /// Where it sends from. No two devices share an address.
    public let networks: [IPNetwork]
    /// The account that it acts for.
    public let account: String
    /// Addresses it may send as, besides those of its account.
    public let senders: [Address]
    public let reach: Reach
    /// Messages an hour.
    public let rate: Int
  }
}
