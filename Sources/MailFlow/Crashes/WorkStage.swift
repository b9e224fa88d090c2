/// A kind of work on strangers' bytes over which the process may end.
public enum WorkStage: Int, Sendable, CaseIterable {
  /// A line of a client, and what is asked about it before content comes.
  case command
  /// Content on its way in: header, structure, hashes.
  case scan
  /// A policy looks at the whole message (submission mends it).
  case submission
  case filter
  case plan
  /// The writer carries the plan out.
  case commit
  /// A message on its way to another server, and that server's replies.
  case relay
  /// A stored message is read for IMAP.
  case fetch
  case search

  /// For logs and traces: "while it …".
  var words: String {
    switch self {
    case .command: "read a command"
    case .scan: "took the content in"
    case .submission: "mended a submission"
    case .filter: "filtered it"
    case .plan: "planned what becomes of it"
    case .commit: "wrote it down"
    case .relay: "relayed it"
    case .fetch: "read it for FETCH"
    case .search: "searched it"
    }
  }
}
