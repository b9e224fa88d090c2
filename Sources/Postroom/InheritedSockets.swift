internal import Configuration
internal import Network

/// The sockets that the service manager passed, by what becomes of them: each is taken by its service, or closed.
struct InheritedSockets: Sendable {
  private var left: [InheritedSocket]

  init(_ sockets: [InheritedSocket]) { left = sockets }

  /// Takes a service's sockets; several may have its name.
  mutating func take(_ service: Configuration.Service.Name) -> [InheritedSocket] { take(named: service.rawValue) }

  /// Takes the sockets of a name.
  mutating func take(named name: String) -> [InheritedSocket] {
    let taken = left.filter { $0.name == name }
    left.removeAll { $0.name == name }
    return taken
  }

  /// Takes what nobody wants.
  mutating func takeRest() -> [InheritedSocket] {
    defer { left = [] }
    return left
  }

  /// Closes what nobody took.
  mutating func closeAll() {
    for socket in takeRest() { socket.close() }
  }
}
