import Logging
import Platform
import Testing

@testable import Network

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct SystemdTests {
  /// A manager's socket of the test's own.
  final class Manager {
    let folder: TemporaryFolder
    let descriptor: Int32
    var path: String { "\(folder.path)/notify" }

    init() throws {
      folder = try TemporaryFolder()
      descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      let bound = try withLocalAddress("\(folder.path)/notify") { bind(descriptor, $0, $1) }
      #expect(bound == 0)
    }

    deinit { close(descriptor) }

    func next() -> [String] {
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split(separator: "\n").map { String($0) }
    }
  }

  @Test func theManagerHears() throws {
    let manager = try Manager()
    let notify = Notify(path: manager.path)
    #expect(notify.isSupervised)
    notify.ready(status: "3 connections")
    #expect(manager.next() == ["READY=1", "STATUS=3 connections"])
    notify.status("two\nlines")
    #expect(manager.next() == ["STATUS=two lines"])
    notify.watchdog()
    #expect(manager.next() == ["WATCHDOG=1"])
    notify.extendTimeout(by: .seconds(90))
    #expect(manager.next() == ["EXTEND_TIMEOUT_USEC=90000000"])
    notify.stopping()
    #expect(manager.next() == ["STOPPING=1"])
    notify.reloading()
    let reloading = manager.next()
    #expect(reloading.first == "RELOADING=1")
    let moment = try #require(reloading.last?.split(separator: "=").last.flatMap { Int($0) })
    #expect(moment > 0)
  }

  @Test func nobodyIsNoTrouble() {
    Notify.nobody.ready()
    Notify(path: "/nonexistent/socket").ready()
    Notify(path: String(repeating: "x", count: 500)).ready()
    #expect(!Notify.nobody.isSupervised)
  }

  static func event(_ message: Logger.Message) -> LogEvent {
    LogEvent(level: .warning, message: message, metadata: nil, source: nil, file: "", function: "", line: 1)
  }

  @Test func metadataBecomesFields() {
    let fields = JournalLogHandler.fields(
      Self.event("hello"), metadata: ["peer": "192.0.2.1", "queue-id": "7"], label: "reception", identifier: "postroom")
    #expect(
      fields == [
        "MESSAGE=hello", "PRIORITY=4", "SYSLOG_IDENTIFIER=postroom", "LOGGER=reception", "POSTROOM_PEER=192.0.2.1",
        "POSTROOM_QUEUE_ID=7",
      ])
    #expect(JournalLogHandler.fieldName(String(repeating: "ä", count: 100)).utf8.count == 64)
  }

  @Test func strangersCannotForgeLines() {
    let line = StandardErrorLogHandler.line(
      Self.event("HELO a\r\n2030 forged\u{1b}[2J"), metadata: ["peer": "x\ny"], label: "l", at: Moment(seconds: 0))
    #expect(line == "1970-01-01T00:00:00Z warning l: HELO a??2030 forged?[2J peer=x?y\n")
  }
}
