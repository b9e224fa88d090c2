internal import NIOCore
internal import Synchronization

extension Connection {
  /// Reads the PROXY header before the session begins, byte-exact: what follows it is the session's (or TLS's).
  func readProxyHeader(within limit: Duration) async throws {
    let deadline = channel.eventLoop.now + TimeAmount(limit)
    var bytes: [UInt8] = []
    var need = 1
    while true {
      let left = deadline - channel.eventLoop.now
      guard left > .zero else { throw ConnectionError.timedOut }
      bytes += try await exactly(need, within: .nanoseconds(left.nanoseconds))
      switch ProxyHeader.parse(bytes) {
      case .needs(let count): need = bytes.count == 1 && bytes[0] == UInt8(ascii: "P") ? 1 : count
      case .header(let header):
        if let source = header.source { setAddresses(peer: source, local: header.destination) }
        return
      case .invalid(let reason): throw ConnectionError.broken(reason)
      }
    }
  }
}
