public import Platform

extension Configuration {
  /// The classifier that learns from what people call spam.
  public struct Spam: Sendable, Hashable {
    /// Whether mail from outside is classified.
    public let enabled: Bool
    /// Whether moves into and out of Junk, and the keywords `$Junk` and `$NotJunk`, teach it.
    public let learn: Bool
    /// From this score on a message goes to Junk.
    public let junkScore: Int
    /// Lessons of each kind that everybody's counts need before they say anything.
    public let minimumLessons: Int
  }

  /// What becomes of mail from outside with attachments that may do harm.
  public struct Attachments: Sendable, Hashable {
    public enum Treatment: String, Sendable, Hashable, CaseIterable {
      case accept
      /// A header field says so.
      case tag
      case junk
      case quarantine
      case reject
    }

    public let executables: Treatment
    public let macros: Treatment
    public let encrypted: Treatment
    /// What cannot be looked into.
    public let unreadable: Treatment
  }

  /// Where a helper program listens: a path, or a host and port.
  public enum Place: Sendable, Hashable, CustomStringConvertible {
    case local(path: String)
    case network(HostPort)

    public var description: String {
      switch self {
      case .local(let path): path
      case .network(let place): "\(place)"
      }
    }
  }

  /// The virus scanner.
  public struct Clamd: Sendable, Hashable {
    public enum Infected: String, Sendable, Hashable, CaseIterable { case quarantine, reject }

    /// What becomes of a message that cannot be scanned and has an attachment that could do harm, before ``patience`` is
    /// over.
    public enum WhenDown: String, Sendable, Hashable, CaseIterable {
      /// The sender shall come again (451); after ``Clamd/patience`` it is quarantined.
      case `defer`
      case quarantine
      /// Like all other mail then: a header field says that it was not scanned.
      case tag
    }

    public let place: Place
    public let timeLimit: Duration
    /// Larger messages are not scanned: clamd itself has such a limit (`StreamMaxLength`).
    public let sizeLimit: Int
    public let infected: Infected
    public let whenDown: WhenDown
    public let patience: Duration
  }

  /// A filter that the office keeps.
  public struct Milter: Sendable, Hashable {
    public enum WhenDown: String, Sendable, Hashable, CaseIterable {
      case accept
      /// The sender shall come again (451).
      case `defer`
      case quarantine
    }

    public let name: String
    public let place: Place
    /// For each answer.
    public let timeLimit: Duration
    public let whenDown: WhenDown
    /// Whether mail of our own people goes through it too.
    public let includesOwn: Bool
  }
}
