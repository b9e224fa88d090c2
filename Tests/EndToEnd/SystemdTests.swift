import Foundation
import Testing

/// Inherited sockets and the service manager's protocol, with `systemd-socket-activate` and a NOTIFY_SOCKET of our own.
@Suite("EndToEnd: systemd") struct SystemdTests {
  /// A datagram socket that keeps what the appliance says to its service manager.
  final class NotifySocket {
    let path: String
    private let descriptor: Int32

    init(in folder: Folder) {
      path = folder.file("notify")
      descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      _ = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      var limit = timeval(tv_sec: 0, tv_usec: 200_000)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    private(set) var said: [String] = []

    /// Reads until something was said, or the time is over.
    func wait(for words: String, seconds: Double = 60) -> Bool {
      let deadline = Date(timeIntervalSinceNow: seconds)
      while Date() < deadline {
        if said.contains(where: { $0.contains(words) }) { return true }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { said.append(String(decoding: buffer.prefix(count), as: UTF8.self)) }
      }
      return said.contains { $0.contains(words) }
    }

    func forget() { said = [] }
  }

  @Test func inheritedSocketsReadinessReloadAndStop() throws {
    let office = try TestAppliance(extra: "[submission]\nenabled = false\n", plaintext: true)
    let notify = NotifySocket(in: office.folder)
    // The ports must be known beforehand; on an address of its own nobody else has them.
    let host = "127.\(Int.random(in: 3...250)).\(Int.random(in: 0...255)).\(Int.random(in: 1...250))"
    let (smtp, submission, imap) = (20_025, 20_587, 20_143)
    // systemd-socket-activate hands over its sockets and then execs the binary, as systemd does.
    let words = [
      "systemd-socket-activate", "-E", "NOTIFY_SOCKET=\(notify.path)", "-E", "WATCHDOG_USEC=1000000", "-l",
      "\(host):\(smtp)", "-l", "\(host):\(submission)", "-l", "\(host):\(imap)",
      "--fdname=smtp:submission:imap", TestAppliance.binary, "serve", "--config", office.configurationFile,
    ]
    let log = office.folder.file("log")
    let process = try Child(words, output: log, errors: log)
    defer { process.end() }
    // It starts at the first connection, which waits in the kernel meanwhile and is served.
    try TestAppliance.wait("systemd-socket-activate listens") { (try? Wire(host, port: smtp)) != nil }
    #expect(notify.wait(for: "READY=1"), "\(notify.said)\n\(office.log)")
    #expect(notify.wait(for: "STATUS="))
    let wire = try Wire(host, port: smtp)
    try wire.expect(220)
    let reader = try Wire(host, port: imap)
    #expect(try reader.line().hasPrefix("* OK"))
    // A socket for a service that is off is closed, with a warning.
    #expect(throws: (any Error).self) { try Wire(host, port: submission).line() }
    #expect(office.log.contains("submission"))
    // The watchdog is fed, again and again.
    #expect(notify.wait(for: "WATCHDOG=1"))
    notify.forget()
    #expect(notify.wait(for: "WATCHDOG=1"))
    process.signal(SIGHUP)
    #expect(notify.wait(for: "RELOADING=1"))
    notify.forget()
    #expect(notify.wait(for: "READY=1"))
    process.signal(SIGTERM)
    #expect(notify.wait(for: "STOPPING=1"))
    #expect(process.wait() == 0, "\(office.log)")
  }

  @Test func unitsAreSound() throws {
    let packaging = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("packaging/debian")
    let folder = try Folder()
    let service = try String(contentsOf: packaging.appendingPathComponent("postroom.service"), encoding: .utf8)
      .replacingOccurrences(of: "/usr/bin/postroom", with: TestAppliance.binary)
    _ = try folder.write("postroom.service", service)
    var units = ["postroom.service"]
    for name in try FileManager.default.contentsOfDirectory(atPath: packaging.path) where name.hasSuffix(".socket") {
      let text = try String(contentsOf: packaging.appendingPathComponent(name), encoding: .utf8)
      _ = try folder.write(name, text)
      #expect(text.contains("FileDescriptorName=") && text.contains("Service=postroom.service"))
      units.append(name)
    }
    #expect(units.count == 7, "a socket for each of the five services, and the local one: \(units)")
    #expect(service.contains("Restart=always") && service.contains("StartLimitIntervalSec=0"))
    #expect(service.contains("WantedBy=multi-user.target"))
    let checked = try Program.run("systemd-analyze", ["verify"] + units.map { folder.file($0) })
    #expect(!checked.errors.contains("Unknown") && !checked.errors.contains("Invalid"), "\(checked)")
  }
}
