internal import NIOPosix
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// Why a host could not be reached.
public struct ConnectError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What stood in the way.
  public enum Kind: Hashable, Sendable {
    /// The name does not exist or has no address. It may still come later: the network may have told wrong.
    case noSuchHost
    /// The name could not be looked up for now.
    case resolutionFailed
    /// Nobody answered, or every address refused.
    case unreachable
    case timedOut
    /// TLS from the first byte failed.
    case tls
  }

  public var kind: Kind
  public var target: String
  public var reason: String

  public init(kind: Kind, target: String, reason: String) {
    self.kind = kind
    self.target = target
    self.reason = reason
  }

  public var description: String { "no connection to \(target): \(reason)" }
}

/// Looks names up with the system's resolver, on threads of its own: the call blocks, for long where DNS is dead.
final class NameResolution: Sendable {
  private let threads: NIOThreadPool

  init(threads count: Int) {
    threads = NIOThreadPool(numberOfThreads: count)
    threads.start()
  }

  func shutDown() async { try? await threads.shutdownGracefully() }

  /// The addresses of a host in the order of the system's preference (RFC 6724).
  func addresses(of host: String) async throws -> [IPAddress] {
    if let address = IPAddress(host) { return [address] }
    return try await threads.runIfActive { try Self.look(host) }
  }

  private static func look(_ host: String) throws -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard result == 0 else {
      let kind: ConnectError.Kind = result == EAI_NONAME || result == -5 ? .noSuchHost : .resolutionFailed
      throw ConnectError(kind: kind, target: host, reason: String(cString: gai_strerror(result)))
    }
    var found: [IPAddress] = []
    var entry = list
    while let info = entry?.pointee {
      if let address = address(info.ai_addr), !found.contains(address) { found.append(address) }
      entry = info.ai_next
    }
    return found
  }

  private static func address(_ pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
    guard let pointer else { return nil }
    let raw = UnsafeRawPointer(pointer)
    switch Int32(pointer.pointee.sa_family) {
    case AF_INET:
      return IPAddress(bytes: withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) })
    case AF_INET6:
      return IPAddress(bytes: withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) })
    default: return nil
    }
  }
}
