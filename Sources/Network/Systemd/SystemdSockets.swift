internal import CSystemd

#if canImport(Glibc)
  import Glibc
#endif

/// A listening socket that the service manager opened for this process.
public struct InheritedSocket: Hashable, Sendable {
  /// `FileDescriptorName=` of its socket unit.
  public var name: String
  public var descriptor: Int32

  public init(name: String, descriptor: Int32) {
    self.name = name
    self.descriptor = descriptor
  }

  /// Closes it without using it.
  public func close() { Glibc.close(descriptor) }
}

/// The sockets that systemd passes (`sd_listen_fds(3)`).
public enum SystemdSockets {
  /// Those meant for this process, in order; empty without socket activation. Several may have one name.
  ///
  /// Whoever calls this owns the descriptors. Ask once: the environment is cleared, so that no child takes them for its
  /// own.
  public static func inherited() -> [InheritedSocket] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = sd_listen_fds_with_names(1, &names)
    guard count > 0 else { return [] }
    defer {
      for index in 0..<Int(count) { free(names?[index]) }
      free(names)
    }
    // SD_LISTEN_FDS_START.
    return (0..<Int(count)).map { index in
      let name = names?[index].map { String(cString: $0) } ?? ""
      return InheritedSocket(name: name, descriptor: 3 + Int32(index))
    }
  }
}
