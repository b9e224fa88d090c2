/// # Network
///
/// Bytes in and out: listeners, connections, TLS, and the service manager. This room knows no mail. It hands every
/// accepted or outgoing stream to a session as a ``Connection``: pull-based, asynchronous, bounded in memory, with a
/// time limit on every wait.
///
///     Listener ──accept──▶ (PROXY header) ──▶ (limits) ──▶ (implicit TLS) ──▶ session(Connection) ──▶ close
///     Connector ──resolve, connect──▶ (implicit TLS) ──▶ Connection
///
/// A connection's life, as the handler on its event loop and the session's task see it:
///
///     open ──peer's FIN──▶ input ended ──close()──▶ closed
///      │ └──close()──▶ output ended, input discarded for a moment (lingering) ──▶ closed
///      └──reset, failure, abort()──▶ closed
///
/// One channel handler of our own owns the accumulator; nothing between it and the socket keeps bytes, except the TLS
/// handler, which is put in front of it in the same turn of the event loop that empties the accumulator. That is what
/// makes STARTTLS injection impossible: what came before the handshake is gone when the handshake begins.
public enum Network {}
