#if canImport(Glibc)
  import Glibc
#endif

extension Machine {
  /// The addresses of this machine's interfaces, loopback and link-local ones left out. Empty where the system does not
  /// tell.
  public static func ownAddresses() -> Set<IPAddress> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: Set<IPAddress> = []
    var entry = list
    while let interface = entry?.pointee {
      entry = interface.ifa_next
      guard let address = interface.ifa_addr.flatMap(address), !address.isLoopback, !address.isLinkLocal else {
        continue
      }
      found.insert(address)
    }
    return found
  }

  private static func address(_ pointer: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
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

extension IPAddress {
  /// 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 §2.4).
  public var isLinkLocal: Bool {
    isIPv4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80
  }
}
