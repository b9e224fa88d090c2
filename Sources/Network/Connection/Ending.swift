/// How a connection ended, as far as TCP tells.
public struct Ending: Hashable, Sendable {
  /// The peer ended its side itself (TCP FIN or TLS close_notify), and nothing broke before.
  public var orderly: Bool
  /// Bytes that the session wrote and that never left this process.
  public var unsent: Int
  /// Bytes that the kernel had taken and that the peer's TCP had not acknowledged, when the connection ended.
  /// `nil` if the kernel could not be asked any more.
  public var unacknowledged: Int?

  public init(orderly: Bool, unsent: Int, unacknowledged: Int?) {
    self.orderly = orderly
    self.unsent = unsent
    self.unacknowledged = unacknowledged
  }

  /// Whether the peer's system is known to have received every byte that was written. If not, the last reply may be
  /// lost, and its sender may well come again (RFC 1047).
  public var everythingAcknowledged: Bool { unsent == 0 && unacknowledged == 0 }
}
