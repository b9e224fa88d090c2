#if canImport(Glibc)
  import Glibc
#endif

/// What the system knows of this machine and its users.
public enum Machine {
  /// The machine's full name, as `hostname --fqdn` would say without asking the DNS: the host name if it has a dot,
  /// else the full name that `/etc/hosts` gives it, else the host name in `localdomain`.
  public static func fullName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost.localdomain" }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return fullName(of: name, hosts: smallFile("/etc/hosts"))
  }

  /// - Parameter hosts: the text of `/etc/hosts`: an address and its names on each line (hosts(5)).
  static func fullName(of name: String, hosts: String) -> String {
    let name = name.lowercased()
    if name.contains(".") { return name }
    for line in hosts.split(separator: "\n") {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.dropFirst().map { $0.lowercased() }
      guard words.contains(name) else { continue }
      if let full = words.first(where: { $0.contains(".") && !$0.hasPrefix("localhost.") }) { return full }
    }
    return (name.isEmpty ? "localhost" : name) + ".localdomain"
  }

  /// The name of one of the system's users.
  public static func userName(_ user: UInt32) -> String? {
    withEntry { getpwuid_r(user, $0, $1, $2, $3) }?.name
  }

  /// The full name that the system has of a user: the first part of the GECOS field (passwd(5)).
  public static func fullNameOfUser(_ user: UInt32) -> String? {
    let entry = withEntry { getpwuid_r(user, $0, $1, $2, $3) }
    guard let words = entry?.words.prefix(while: { $0 != "," }), !words.isEmpty else { return nil }
    return String(words)
  }

  /// Whether the system has a user of this name.
  public static func hasUser(_ name: String) -> Bool { withEntry { getpwnam_r(name, $0, $1, $2, $3) } != nil }

  /// The forms of these calls that several threads may use at once.
  private static func withEntry(
    _ ask: (
      UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
      UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32
  ) -> (name: String, words: String)? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    return buffer.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, ask(&entry, base, buffer.count, &found) == 0, found != nil,
        let name = entry.pw_name
      else { return nil }
      return (String(cString: name), entry.pw_gecos.map { String(cString: $0) } ?? "")
    }
  }

  private static func smallFile(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}
