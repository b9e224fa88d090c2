#if DEBUG
  #if canImport(Glibc)
    import Glibc
  #endif

  /// A protection that a test build can switch off, by the environment variable `POSTROOM_MUTATION`: the test that guards it must fail
  /// then (`packaging/mutations`). Release builds have none of this.
  public enum Mutation: String, CaseIterable, Sendable {
    /// SQLite syncs nothing, and nobody asks whether it does.
    case noSync = "no-sync"
    /// A writer is answered before its transaction is committed.
    case replyBeforeCommit = "reply-before-commit"
    /// Recipients elsewhere are written in a transaction of their own, after the rest of the message.
    case queueRowApart = "queue-row-apart"
    /// A message that comes again is not recognised (RFC 1047).
    case noFingerprint = "no-fingerprint"
    /// The log that the last process left is taken for durable as it is.
    case logAsFound = "log-as-found"
    /// Bodies that were on their way in when the process ended stay.
    case noStagingSweep = "no-staging-sweep"

    private static let chosen = getenv("POSTROOM_MUTATION").flatMap { Mutation(rawValue: String(cString: $0)) }

    public var isOn: Bool { self == Self.chosen }
  }
#endif
