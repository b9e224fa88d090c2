#if canImport(Glibc)
  import Glibc
#endif

/// An IPv4 or IPv6 address as a value: 4 or 16 bytes in network order.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) becomes the IPv4 address it stands for when it is
/// parsed, so that one client has one address whichever socket it came through.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// 4 bytes (IPv4) or 16 bytes (IPv6), in network order.
  public let bytes: [UInt8]

  /// - Parameter bytes: 4 or 16 bytes in network order; anything else gives `nil`.
  public init?(bytes: [UInt8]) {
    switch bytes.count {
    case 4: self.bytes = bytes
    case 16:
      let mapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      self.bytes = mapped ? Array(bytes[12...]) : bytes
    default: return nil
    }
  }

  /// Reads the text form of RFC 791 or RFC 4291, without brackets, port or zone.
  public init?(_ text: some StringProtocol) {
    let text = String(text)
    // The C library would take a NUL for the end and never see what stands behind it.
    guard !text.utf8.contains(0) else { return nil }
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      self.init(bytes: withUnsafeBytes(of: &four) { Array($0) })
      return
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    self.init(bytes: withUnsafeBytes(of: &six) { Array($0) })
  }

  public var isIPv4: Bool { bytes.count == 4 }

  /// 127.0.0.0/8 or ::1.
  public var isLoopback: Bool {
    isIPv4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
  }

  /// Addresses that no public mail server has: loopback, link-local, private (RFC 1918), unique local
  /// (RFC 4193), shared (RFC 6598) and the unspecified address.
  public var isInternal: Bool {
    if isLoopback || bytes.allSatisfy({ $0 == 0 }) { return true }
    if isIPv4 {
      switch (bytes[0], bytes[1]) {
      case (0, _), (10, _), (192, 168), (169, 254): return true
      case (172, 16...31), (100, 64...127): return true
      default: return false
      }
    }
    return bytes[0] & 0xfe == 0xfc || (bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80)
  }

  public var description: String {
    var text = [CChar](repeating: 0, count: 64)
    let family = isIPv4 ? AF_INET : AF_INET6
    let done = bytes.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count)) }
    guard done != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The form inside an SMTP address literal, without the brackets: `192.0.2.1` or `IPv6:2001:db8::1`
  /// (RFC 5321 §4.1.3).
  public var addressLiteral: String { isIPv4 ? description : "IPv6:\(description)" }
}

/// A block of addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
  public let base: IPAddress
  /// Leading bits that count: 0…32 or 0…128.
  public let prefix: Int

  /// The network of `prefix` bits around an address; bits behind it are cleared.
  public init?(_ address: IPAddress, prefix: Int) {
    guard (0...address.bytes.count * 8).contains(prefix) else { return nil }
    var bytes = address.bytes
    for index in bytes.indices {
      let kept = min(max(prefix - index * 8, 0), 8)
      bytes[index] &= kept == 0 ? 0 : 0xff << UInt8(8 - kept)
    }
    // Not through `init(bytes:)`'s mapping: a cleared IPv6 address stays IPv6.
    guard let base = IPAddress(bytes: bytes), base.bytes.count == bytes.count else { return nil }
    self.base = base
    self.prefix = prefix
  }

  /// Reads `address/bits`, or an address alone.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(first) else { return nil }
    guard parts.count == 2 else {
      self.init(address, prefix: address.bytes.count * 8)
      return
    }
    guard let bits = Int(parts[1]) else { return nil }
    self.init(address, prefix: bits)
  }

  public func contains(_ address: IPAddress) -> Bool {
    guard address.bytes.count == base.bytes.count else { return false }
    return IPNetwork(address, prefix: prefix)?.base == base
  }

  public var description: String { prefix == base.bytes.count * 8 ? "\(base)" : "\(base)/\(prefix)" }
}

/// A host, as a name or an address, and a TCP port: `127.0.0.1:25`, `[::1]:25`, `mail.example:587`.
public struct HostPort: Hashable, Sendable, CustomStringConvertible {
  public let host: String
  public let port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port`, or `host` alone where a default port is given. An IPv6 address needs brackets.
  public init?(_ text: some StringProtocol, defaultPort: Int? = nil) {
    let text = String(text)
    var host = text
    var port: Int? = defaultPort
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = String(text[text.index(after: text.startIndex)..<end])
      guard IPAddress(host) != nil else { return nil }
      let rest = text[text.index(after: end)...]
      if !rest.isEmpty {
        guard rest.first == ":" else { return nil }
        port = Int(rest.dropFirst())
        if port == nil { return nil }
      }
    } else if let colon = text.lastIndex(of: ":") {
      host = String(text[..<colon])
      guard !host.contains(":") else { return nil }
      port = Int(text[text.index(after: colon)...])
      if port == nil { return nil }
    }
    guard let port, (0...65535).contains(port), !host.isEmpty else { return nil }
    self.init(host: host, port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
