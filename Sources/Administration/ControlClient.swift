#if canImport(Glibc)
  import Glibc
#endif

/// The command line's end of the control socket: a blocking Unix socket, for a process that has nothing else to do.
public struct ControlClient: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// Asks the running appliance.
  ///
  /// - Parameter row: called for each row as it comes.
  /// - Returns: how the command ended, or `nil` when no appliance listens on the socket.
  /// - Throws: ``CommandFailure`` when it is there and cannot be asked.
  public func ask(_ request: ControlRequest, row: (ControlRow) throws -> Void) throws -> ControlEnd? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure("open a socket") }
    defer { close(descriptor) }
    guard try connect(descriptor) else { return nil }
    try send(try ControlCoding.line(request) + [UInt8(ascii: "\n")], to: descriptor)
    var buffer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw CommandFailure("the appliance ended before it had answered: see its log, then ask again")
      }
      buffer += chunk[..<count]
      while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(buffer[..<end])
        buffer.removeFirst(end + 1)
        switch try ControlCoding.decode(ControlAnswer.self, line) {
        case .row(let found): try row(found)
        case .end(let end): return end
        }
      }
    }
  }

  /// Whether somebody listens there.
  private func connect(_ descriptor: Int32) throws -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw CommandFailure(status: 2, "the path of the control socket is too long: choose a shorter `control.socket`")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if status == 0 { return true }
    switch errno {
    case ENOENT, ECONNREFUSED: return false
    case EACCES, EPERM:
      throw CommandFailure("you may not use the control socket \(path): ask as root or as a member of its group")
    default: throw failure("connect to the control socket \(path)")
    }
  }

  private func send(_ bytes: [UInt8], to descriptor: Int32) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("write to the control socket \(path)") }
      sent += count
    }
  }

  private func failure(_ what: String) -> CommandFailure {
    CommandFailure("cannot \(what): \(String(cString: strerror(errno)))")
  }
}
