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
    func wait(for words: String, seconds: Double = 20) -> Bool {
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
    let base = Int.random(in: 20_000...28_000)
    let (smtp, submission, imap) = (base, base + 1, base + 2)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // systemd-socket-activate hands over its sockets and then execs the binary, as systemd does.
    process.arguments = [
      "systemd-socket-activate", "-E", "NOTIFY_SOCKET=\(notify.path)", "-E", "WATCHDOG_USEC=1000000", "-l",
      "127.0.0.1:\(smtp)", "-l", "127.0.0.1:\(submission)", "-l", "127.0.0.1:\(imap)",
      "--fdname=smtp:submission:imap", TestAppliance.binary, "serve", "--config", office.configurationFile,
    ]
    let log = office.folder.file("log")
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    process.standardOutput = process.standardError
    try process.run()
    defer {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    // It starts at the first connection, which waits in the kernel meanwhile and is served.
    try TestAppliance.wait("systemd-socket-activate listens") { (try? Wire(port: smtp)) != nil }
    #expect(notify.wait(for: "READY=1"), "\(notify.said)\n\(office.log)")
    #expect(notify.wait(for: "STATUS="))
    let wire = try Wire(port: smtp)
    try wire.expect(220)
    let reader = try Wire(port: imap)
    #expect(try reader.line().hasPrefix("* OK"))
    // A socket for a service that is off is closed, with a warning.
    #expect(throws: (any Error).self) { try Wire(port: submission).line() }
    #expect(office.log.contains("submission"))
    // The watchdog is fed, again and again.
    #expect(notify.wait(for: "WATCHDOG=1"))
    notify.forget()
    #expect(notify.wait(for: "WATCHDOG=1"))
    kill(process.processIdentifier, SIGHUP)
    #expect(notify.wait(for: "RELOADING=1"))
    notify.forget()
    #expect(notify.wait(for: "READY=1"))
    kill(process.processIdentifier, SIGTERM)
    #expect(notify.wait(for: "STOPPING=1"))
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(office.log)")
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
