internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Local (Unix domain) sockets: their place in the file system, and who is at the other end.
enum LocalSocket {
  /// Removes a socket that a dead process left behind. One that answers is left alone.
  static func makeRoom(at path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw TLSError("\(path) is there and is no socket") }
    if try answers(at: path) { throw TLSError("another process listens there already") }
    unlink(path)
  }

  static func setPermissions(_ permissions: UInt16, at path: String) throws {
    guard chmod(path, mode_t(permissions)) == 0 else { throw TLSError(errorText(errno)) }
  }

  private static func answers(at path: String) throws -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TLSError(errorText(errno)) }
    defer { close(descriptor) }
    return try withLocalAddress(path) { address, length in connect(descriptor, address, length) == 0 }
  }
}

/// Calls `body` with the socket address of a path. A leading `@` names Linux's abstract namespace.
func withLocalAddress<T>(
  _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> T
) throws -> T {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  var bytes = Array(path.utf8)
  guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
    throw TLSError("the path \(path) is too long for a socket")
  }
  if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  let length = MemoryLayout<sa_family_t>.size + bytes.count + (bytes.first == 0 ? 0 : 1)
  return try withUnsafePointer(to: &address) { pointer in
    try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(length)) }
  }
}

/// Who is at the other end of a local socket, as the kernel vouches.
public struct PeerCredentials: Hashable, Sendable {
  public var process: Int32
  public var user: UInt32
  public var group: UInt32
}

extension Connection {
  /// The process at the other end of a local socket; `nil` for any other connection.
  public func peerCredentials() async -> PeerCredentials? {
    let found = try? await channel.eventLoop.submit { () -> PeerCredentials? in
      try self.channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
        descriptor -> PeerCredentials? in
        // `struct ucred`, which Swift does not see: pid, uid, gid, of 32 bits each.
        var credentials: [UInt32] = [0, 0, 0]
        var length = socklen_t(12)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0, credentials[0] > 0 else {
          return nil
        }
        return PeerCredentials(
          process: Int32(bitPattern: credentials[0]), user: credentials[1], group: credentials[2])
      } ?? nil
    }.get()
    return found ?? nil
  }
}
