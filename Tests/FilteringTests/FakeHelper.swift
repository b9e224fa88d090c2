import Configuration
import Glibc
import NIOPosix
import Network

@testable import Filtering

/// A helper program of a test's own: listens on a local socket, and speaks as the test says.
final class FakeHelper: Sendable {
  let folder = TestFolder()
  let path: String
  private let listener: Int32

  /// - Parameter speak: gets each connection in turn, on a thread of its own; the connection is closed behind it.
  init(_ speak: @escaping @Sendable (HelperSocket) -> Void) {
    path = folder.path + "/socket"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    _ = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    listen(listener, 16)
    let thread = Thread { [listener] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        let each = Thread {
          speak(HelperSocket(descriptor: connection))
          close(connection)
        }
        each.start()
      }
    }
    thread.start()
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// Makes connections for checks, on event loops that all tests share.
  static let connector = Connector(on: MultiThreadedEventLoopGroup.singleton)
  static let helper = Helper { try await connector.connect(to: $0, within: $1) }

  private final class Thread: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func start() {
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { raw in
          guard let raw else { return nil }
          Unmanaged<Thread>.fromOpaque(raw).takeRetainedValue().body()
          return nil
        }, Unmanaged.passRetained(self).toOpaque())
      pthread_detach(thread)
    }
  }
}

/// The server's end of one connection.
struct HelperSocket: Sendable {
  let descriptor: Int32

  /// Exactly so many bytes, or fewer at the end.
  func read(_ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while result.count < count {
      let taken = Glibc.read(descriptor, &piece, min(piece.count, count - result.count))
      guard taken > 0 else { break }
      result += piece[..<taken]
    }
    return result
  }

  func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0x4000 /* MSG_NOSIGNAL */) }
      guard sent > 0 else { return }
      rest = rest.dropFirst(sent)
    }
  }
}
