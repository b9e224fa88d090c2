import Foundation

/// A real Postfix as the next server: its own configuration and queue, on a loopback port; no service is started.
///
/// What it takes goes into one Maildir, so that arrivals can be counted. Postfix runs only as root.
final class TestPostfix {
  let folder: Folder
  let port: Int
  private var conf: String { folder.file("conf") }
  private var maildir: String { folder.file("mail/box") }

  static var canRun: Bool { getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/sbin/postfix") }

  /// - Parameter domain: for which it takes mail, whatever the local part.
  init(domain: String) throws {
    folder = try Folder()
    port = try Self.freePort()
    for name in ["conf", "spool", "data", "mail"] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
    }
    let (owner, nobody) = (try Self.user("postfix"), try Self.user("nobody"))
    chown(folder.file("data"), owner.id, owner.group)
    chown(folder.file("mail"), nobody.id, nobody.group)
    _ = try folder.write("conf/main.cf", Self.main(folder.path, domain, nobody.id, nobody.group))
    _ = try folder.write("conf/master.cf", Self.master(port))
    let started = try Program.run("/usr/sbin/postfix", ["-c", conf, "start"])
    guard started.status == 0 else { throw TestAppliance.Failed(description: "postfix start: \(started)\(log)") }
    try TestAppliance.wait("Postfix answers") { [port] in (try? Wire(port: port).expect(220)) != nil }
  }

  deinit {
    _ = try? Program.run("/usr/sbin/postfix", ["-c", conf, "stop"])
    // It says that it has stopped only when its master is gone; the folder must not be removed under it.
    try? TestAppliance.wait("Postfix ends") {
      (try Program.run("/usr/sbin/postfix", ["-c", conf, "status"])).status != 0
    }
  }

  /// Other settings of main.cf, in force when this returns.
  func configure(_ settings: String...) throws {
    for words in [["postconf", "-c", conf, "-e"] + settings, ["postfix", "-c", conf, "reload"]] {
      let done = try Program.run("/usr/sbin/\(words[0])", Array(words.dropFirst()))
      guard done.status == 0 else { throw TestAppliance.Failed(description: "\(words): \(done)\(log)") }
    }
  }

  /// The messages that have arrived, in no order.
  func messages() -> [String] {
    ["new", "cur"].flatMap { name in
      let place = "\(maildir)/\(name)"
      let files = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
      return files.compactMap { FileManager.default.contents(atPath: "\(place)/\($0)") }
        .map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// How often each message has arrived, by its Message-ID `<…@load>`.
  func arrivals() throws -> [String: Int] {
    var seen: [String: Int] = [:]
    for name in ["new", "cur"] {
      let place = "\(maildir)/\(name)"
      for file in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] {
        guard let data = FileManager.default.contents(atPath: "\(place)/\(file)") else { continue }
        if let id = LoadID.find(in: String(decoding: data.prefix(8192), as: UTF8.self)) { seen[id, default: 0] += 1 }
      }
    }
    return seen
  }

  private var log: String { (try? String(contentsOfFile: folder.file("maillog"), encoding: .utf8)) ?? "" }

  private static func user(_ name: String) throws -> (id: uid_t, group: gid_t) {
    guard let entry = getpwnam(name) else { throw TestAppliance.Failed(description: "there is no user \(name)") }
    return (entry.pointee.pw_uid, entry.pointee.pw_gid)
  }

  private static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard bound else { throw TestAppliance.Failed(description: "no free port: \(String(cString: strerror(errno)))") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func main(_ folder: String, _ domain: String, _ user: uid_t, _ group: gid_t) -> String {
    """
    compatibility_level = 3.6
    queue_directory = \(folder)/spool
    data_directory = \(folder)/data
    command_directory = /usr/sbin
    daemon_directory = /usr/lib/postfix/sbin
    meta_directory = /etc/postfix
    mail_owner = postfix
    setgid_group = postdrop
    myhostname = mail.\(domain)
    mydestination =
    inet_interfaces = 127.0.0.1
    inet_protocols = ipv4
    mynetworks = 127.0.0.0/8
    maillog_file = \(folder)/maillog
    maillog_file_prefixes = \(folder)
    virtual_mailbox_domains = \(domain)
    virtual_mailbox_base = \(folder)/mail
    virtual_mailbox_maps = static:box/
    virtual_uid_maps = static:\(user)
    virtual_gid_maps = static:\(group)
    alias_maps =
    alias_database =
    disable_dns_lookups = yes
    smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
    smtpd_client_connection_rate_limit = 0
    smtpd_tls_security_level = none

    """
  }

  private static func master(_ port: Int) -> String {
    let others = [
      "rewrite:trivial-rewrite", "bounce:bounce", "defer:bounce", "trace:bounce", "error:error", "retry:error",
    ]
    let lines = others.map { service in
      let parts = service.split(separator: ":")
      return "\(parts[0]) unix - - n - - \(parts[1])"
    }
    return """
      127.0.0.1:\(port) inet n - n - - smtpd
      cleanup unix n - n - 0 cleanup
      qmgr unix n - n 300 1 qmgr
      virtual unix - n n - - virtual
      proxymap unix - - n - - proxymap
      anvil unix - - n - 1 anvil
      tlsmgr unix - - n 1000? 1 tlsmgr
      postlog unix-dgram n - n - 1 postlogd
      \(lines.joined(separator: "\n"))

      """
  }
}

/// The ids by which the load's messages are told apart: `Message-ID: <ID@load>`.
enum LoadID {
  static func find(in text: some StringProtocol) -> String? {
    guard let end = text.range(of: "@load>"), let start = text[..<end.lowerBound].lastIndex(of: "<") else { return nil }
    return String(text[text.index(after: start)..<end.lowerBound])
  }
}
