import Glibc

/// A real NSD with zones of a test's own, on a loopback port; zones can be signed. No service is started.
///
/// Needs Debian's `nsd` and, for signing, `ldnsutils`.
public final class NameServer: Sendable {
  public struct Failed: Error, CustomStringConvertible { public let description: String }

  /// What the server knows, in zone-file form.
  public struct Zone: Sendable {
    public enum Signing: Sendable {
      case none
      case signed
      /// Signed, and changed afterwards: the text that is replaced, and what stands there then.
      case forged(String, String)
    }

    public var name: String
    /// Without SOA and NS, which each zone gets. Names are relative to the zone.
    public var records: String
    public var signing: Signing

    public init(_ name: String, _ records: String, signing: Signing = .none) {
      (self.name, self.records, self.signing) = (name, records, signing)
    }
  }

  public static var canRun: Bool {
    access("/usr/sbin/nsd", X_OK) == 0 && access("/usr/bin/ldns-signzone", X_OK) == 0
  }

  /// Why tests that need one are skipped.
  public static let reason = "nsd and ldnsutils are not installed"

  public let port: Int
  /// DS records of the signed zones, as a resolver takes them for trust anchors.
  public let trustAnchors: [String]
  private let folder: String
  private let process: pid_t

  /// - Parameter broken: zones that the server should have and cannot read: it answers SERVFAIL.
  public init(_ zones: [Zone], broken: [String] = [], address: String = "127.0.0.1") throws {
    var template = Array("/tmp/postroom-nsd-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failed(description: "there is no folder for NSD") }
    folder = String(cString: made)
    port = try Self.freePort(address)
    var anchors: [String] = []
    var configuration = Self.server(folder, address, port)
    do {
      for zone in zones {
        if let anchor = try Self.write(zone, to: folder) { anchors.append(anchor) }
        configuration += "zone:\n  name: \(zone.name)\n  zonefile: \(zone.name)\n"
      }
      for name in broken { configuration += "zone:\n  name: \(name)\n  zonefile: \(name).is-not-there\n" }
      try Self.write(configuration, to: folder + "/nsd.conf")
      process = try Self.start(
        ["/usr/bin/timeout", "1800", "/usr/sbin/nsd", "-d", "-c", folder + "/nsd.conf"], in: folder, log: "log")
    } catch {
      Self.remove(folder)
      throw error
    }
    trustAnchors = anchors
    guard Self.answers(address, port) else {
      throw Failed(description: "NSD does not answer: \(Self.read(folder + "/log"))")
    }
  }

  deinit {
    kill(process, SIGTERM)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    Self.remove(folder)
  }

  private static func server(_ folder: String, _ address: String, _ port: Int) -> String {
    // Without rrl-ratelimit NSD takes a busy test for an attack.
    """
    server:
      ip-address: \(address)@\(port)
      username: ""
      zonesdir: "\(folder)"
      database: ""
      pidfile: "\(folder)/pid"
      xfrdfile: "\(folder)/xfrd"
      zonelistfile: "\(folder)/zonelist"
      xfrdir: "\(folder)"
      server-count: 1
      rrl-ratelimit: 0
    remote-control:
      control-enable: no

    """
  }

  /// - Returns: the zone's DS record if it is signed.
  private static func write(_ zone: Zone, to folder: String) throws -> String? {
    let file = "\(folder)/\(zone.name)"
    try write(
      """
      $ORIGIN \(zone.name).
      $TTL 300
      @ IN SOA ns hostmaster 1 3600 600 86400 60
      @ IN NS ns
      ns IN A 127.0.0.1
      \(zone.records)

      """, to: file)
    if case .none = zone.signing { return nil }
    try run(
      "cd \(folder) && key=$(ldns-keygen -r /dev/urandom -a ECDSAP256SHA256 -k \(zone.name)) && "
        + "ldns-signzone -o \(zone.name) -f \(zone.name).signed \(zone.name) $key && mv \(zone.name).signed \(zone.name) && "
        + "mv $key.ds \(zone.name).ds", in: folder)
    if case .forged(let old, let new) = zone.signing { try run("sed -i 's/\(old)/\(new)/' \(zone.name)", in: folder) }
    return String(read(file + ".ds").split(separator: "\n").first ?? "")
  }

  private static func run(_ script: String, in folder: String) throws {
    let child = try start(["/bin/sh", "-ec", script], in: folder, log: "signing")
    var status: Int32 = 0
    waitpid(child, &status, 0)
    guard status == 0 else { throw Failed(description: "\(script): \(read(folder + "/signing"))") }
  }
}

// MARK: System

extension NameServer {
  private static func start(_ arguments: [String], in folder: String, log: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "\(folder)/\(log)", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The threads that tests run on have signals blocked; a child would inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let arguments = ["/usr/bin/env", "--chdir", folder] + arguments
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var settings: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil]
    defer { for text in words + settings { free(text) } }
    var child = pid_t()
    let code = posix_spawn(&child, arguments[0], &actions, &attributes, &words, &settings)
    guard code == 0 else {
      throw Failed(description: "\(arguments) cannot be started: \(String(cString: strerror(code)))")
    }
    return child
  }

  private static func write(_ text: String, to file: String) throws {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failed(description: "\(file) cannot be written") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw Failed(description: "\(file) cannot be written")
    }
  }

  private static func read(_ file: String) -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }

  private static func remove(_ folder: String) {
    guard let entries = opendir(folder) else { return }
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink(folder + "/" + name)
    }
    closedir(entries)
    rmdir(folder)
  }

  /// Free for both protocols, and below the ports that the system gives to connections: any of those can be taken at any time.
  private static func freePort(_ address: String) throws -> Int {
    for _ in 0..<1000 {
      let port = Int.random(in: 10_000..<32_000)
      if [SOCK_DGRAM, SOCK_STREAM].allSatisfy({ canBind($0, address, port) }) { return port }
    }
    throw Failed(description: "no port is free for NSD")
  }

  private static func canBind(_ kind: __socket_type, _ address: String, _ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(kind.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var own = UDPSocket.name(address, port)
    return withUnsafePointer(to: &own) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// Asks for a name that no zone has until there is an answer, whatever it is.
  private static func answers(_ address: String, _ port: Int) -> Bool {
    let socket = UDPSocket(address)
    let question: [UInt8] = [0x11, 0x22, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x78, 0, 0, 1, 0, 1]
    for _ in 0..<600 where socket.ask(question, address, port, milliseconds: 100) { return true }
    return false
  }
}

/// A UDP socket on a port that the system chose. Nobody reads from it unless told: a name server that never answers.
public final class UDPSocket: Sendable {
  private let descriptor: Int32
  public let port: Int

  public init(_ address: String = "127.0.0.1") {
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var own = Self.name(address, 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    withUnsafeMutablePointer(to: &own) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        _ = bind(descriptor, generic, length)
        _ = getsockname(descriptor, generic, &length)
      }
    }
    port = Int(UInt16(bigEndian: own.sin_port))
  }

  deinit { close(descriptor) }

  /// What has come since this was called last.
  public func received() -> [[UInt8]] {
    var all: [[UInt8]] = []
    var datagram = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(descriptor, &datagram, datagram.count, Int32(MSG_DONTWAIT)), count >= 0 {
      all.append(Array(datagram[..<count]))
    }
    return all
  }

  fileprivate func ask(_ question: [UInt8], _ address: String, _ port: Int, milliseconds: Int) -> Bool {
    var limit = timeval(tv_sec: 0, tv_usec: milliseconds * 1000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var target = Self.name(address, port)
    withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(descriptor, question, question.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var answer = [UInt8](repeating: 0, count: 512)
    if recv(descriptor, &answer, answer.count, 0) > 0 { return true }
    // A port that nobody has answers at once, with an error.
    if errno != EAGAIN { usleep(useconds_t(milliseconds * 1000)) }
    return false
  }

  fileprivate static func name(_ address: String, _ port: Int) -> sockaddr_in {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = in_port_t(port).bigEndian
    name.sin_addr.s_addr = inet_addr(address)
    return name
  }
}
