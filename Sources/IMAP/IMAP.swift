public import Accounts
public import Configuration
public import Logging
public import MailFlow
public import Network
public import Store

/// # IMAP: the mailboxes, for mail programs
///
/// IMAP4rev1 (RFC 3501) until a client enables IMAP4rev2 (RFC 9051 appendix A), with the extensions that ``Capabilities``
/// lists. Content is read from the `Store`, in pieces and without copying what was computed when a message came in;
/// changes go through `MailFlow.mailboxes`, and `MailFlow.changes` wakes sessions that idle.
///
///     octets ─▶ CommandReader ─▶ CommandTable ─▶ command ─▶ Session ─▶ ResponseWriter ─▶ octets
///               (lines and       (name, state)   (its        │ ▲
///                literals)                        arguments) ▼ │ changes
///                                                  Store, MailFlow ─▶ MailboxView (sequence numbers)
///
/// Topics: `Grammar` (pure: octets to requests), `Response`, `Session` (state, view, reading and writing), `Commands` (a
/// file a group of commands), `Fetch`, `Search`.
///
///     not authenticated ──LOGIN, AUTHENTICATE──▶ authenticated ⇄ selected ──LOGOUT──▶ closed
///
/// One server serves all connections of the services `imap` and `imaps`. Each connection is one session, which shares
/// nothing with others but the rooms below.
public final class IMAPServer: Sendable {
  private let services: SessionServices

  /// - Parameter configuration: gives the configuration in force.
  public init(
    store: Store, flow: MailFlow, authenticator: Authenticator,
    configuration: @escaping @Sendable () -> Configuration, log: Logger = Logger(label: "imap")
  ) {
    services = SessionServices(
      store: store, flow: flow, authenticator: authenticator, configuration: configuration, log: log)
  }

  /// Serves one client until it leaves or must leave. The connection is not closed here: whoever accepted it does that.
  ///
  /// A shutdown of the service (``Network/Connection/requestShutdown()``) ends a session with BYE at its next wait for the
  /// client.
  /// - Parameter contexts: the certificates for STARTTLS; nil where it is not offered.
  public func serve(_ connection: Connection, startTLS contexts: TLSContexts?) async {
    guard let stream = ConnectionStream(connection, contexts: contexts) else { return }
    await Session(stream, services.forConnection(connection)).run()
  }

  /// What is said to a client that is not admitted, before its connection is closed.
  public static func refusal(_ refusal: ConnectionLimits.Refusal) -> [UInt8] {
    var writer = ResponseWriter(.modifiedUTF7)
    writer.bye("There are too many connections, try again later", code: "UNAVAILABLE")
    return writer.octets
  }
}

extension SessionServices {
  fileprivate func forConnection(_ connection: Connection) -> SessionServices {
    var services = self
    services.log[metadataKey: "connection"] = "\(connection.number)"
    services.log[metadataKey: "peer"] = "\(connection.peer.map { "\($0)" } ?? "none")"
    return services
  }
}
