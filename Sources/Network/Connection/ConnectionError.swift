/// Why a read or a write on a ``Connection`` did not happen.
public enum ConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The peer did not send what was waited for, or did not take what was written, within the time limit.
  case timedOut
  /// The connection is closed; nothing can be read or written any more.
  case closed
  /// The connection broke: reset by the peer, or the network failed. The text is the system's.
  case broken(String)
  /// ``Connection/requestShutdown()`` was called and the session had to wait for a new line: say goodbye and close.
  case shuttingDown
  /// The peer sent more than 16 MiB without a line end where a line was expected.
  case endlessLine
  /// More bytes were asked for in one piece than a connection holds (`Connection.largestPiece`).
  case pieceTooLarge
  /// The stream ended in the middle of something that was to be read whole.
  case endOfStream
  /// TLS could not be established or went wrong; the text says why.
  case tls(String)
  /// TLS was refused because of the server's certificate; the text says why.
  case untrusted(CertificateFault, String)
  /// Two tasks waited for input at once: a connection has one session.
  case busy

  public var description: String {
    switch self {
    case .timedOut: "the peer took too long"
    case .closed: "the connection is closed"
    case .broken(let reason): "the connection broke: \(reason)"
    case .shuttingDown: "the service is shutting down"
    case .endlessLine: "the peer sent a line without an end"
    case .pieceTooLarge: "more bytes were asked for in one piece than a connection holds"
    case .endOfStream: "the peer ended the stream in the middle of a piece"
    case .tls(let reason), .untrusted(_, let reason): "TLS failed: \(reason)"
    case .busy: "two tasks read from one connection at the same time"
    }
  }
}
