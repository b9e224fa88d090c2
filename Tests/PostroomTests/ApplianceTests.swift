import Configuration
import Network
import Platform
import ServiceLifecycle
import Testing

@testable import Postroom

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct ApplianceTests {
  @Test func itRunsAsAServiceAndCarriesMail() async throws {
    let office = try Office()
    let appliance = Appliance(try office.configuration(), logger: office.logger)
    let group = ServiceGroup(services: [appliance], logger: office.logger)
    async let run: Void = group.run()
    #expect(await appliance.waitUntilReady())
    try await appliance.setPassword("secret", account: "alice")

    let sender = try await Client.connect(appliance, .smtp)
    #expect(try await sender.reply().hasPrefix("220 mail.office.example"))
    #expect(try await sender.ask("EHLO client.example").hasPrefix("250"))
    #expect(try await sender.ask("MAIL FROM:<bob@elsewhere.example>").hasPrefix("250"))
    #expect(try await sender.ask("RCPT TO:<alice@office.example>").hasPrefix("250"))
    #expect(try await sender.ask("DATA").hasPrefix("354"))
    #expect(try await sender.ask("From: <bob@elsewhere.example>\r\nSubject: hello\r\n\r\nBody\r\n.").hasPrefix("250"))
    #expect(try await sender.ask("QUIT").hasPrefix("221"))
    await sender.close()

    let reader = try await Client.connect(appliance, .imap)
    #expect(try await reader.text()?.hasPrefix("* OK") == true)
    #expect(try await reader.imap("a", "LOGIN alice secret").last?.hasPrefix("a OK") == true)
    #expect(try await reader.imap("b", "SELECT INBOX").contains { $0 == "* 1 EXISTS" })
    let found = try await reader.imap("c", "FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    #expect(found.contains { $0.contains("Subject: hello") })
    await reader.close()

    let report = await appliance.report()
    #expect(report.services.first { $0.name == "smtp" }?.addresses == ["127.0.0.1:\(appliance.port(of: .smtp) ?? 0)"])
    #expect(report.troubles.contains { $0.contains("self-made") })
    await group.triggerGracefulShutdown()
    try await run
    #expect(appliance.addresses.isEmpty)
    #expect(!(await appliance.waitUntilReady()))
    await #expect(throws: ApplianceError.self) { try await appliance.run() }
  }

  @Test func twoRunSideBySide() async throws {
    let (one, two) = (try Office(), try Office())
    try await one.run(one.configuration(one.text(hostname: "one.office.example"))) { first in
      try await two.run(two.configuration(two.text(hostname: "two.office.example"))) { second in
        let greetings = [try await Client.greeting(first, .smtp), try await Client.greeting(second, .smtp)]
        #expect(greetings.map { $0?.prefix(7) } == ["220 one", "220 two"])
      }
      // The end of one is not felt by the other.
      let greeting = try await Client.greeting(first, .smtp)
      #expect(greeting?.hasPrefix("220 one") == true)
    }
  }

  @Test func sessionsAreToldOfTheEnd() async throws {
    let office = try Office()
    let (smtp, imap) = try await office.run { appliance in
      let smtp = try await Client.connect(appliance, .smtp)
      _ = try await smtp.reply()
      let imap = try await Client.connect(appliance, .imap)
      _ = try await imap.text()
      return (smtp, imap)
    }
    #expect(try await smtp.text()?.hasPrefix("421") == true)
    #expect(try await imap.text()?.hasPrefix("* BYE") == true)
    await smtp.close()
    await imap.close()
  }

  @Test func aSessionThatDoesNotEndIsEnded() async throws {
    let office = try Office()
    var options = Appliance.Options()
    options.grace = .milliseconds(50)
    let client = try await office.run(options: options) { appliance in
      let client = try await Client.connect(appliance, .smtp)
      _ = try await client.reply()
      _ = try await client.ask("EHLO a")
      _ = try await client.ask("MAIL FROM:<a@elsewhere.example>")
      _ = try await client.ask("RCPT TO:<alice@office.example>")
      // In the middle of content nobody is interrupted, until the grace is over.
      _ = try await client.ask("DATA")
      try await client.write("Subject: never ends\r\n")
      client.flush()
      return client
    }
    while (try? await client.bytes(upTo: 1000, within: patience)) != nil {}
    #expect(client.isPeerGone)
    await client.close()
  }

  @Test func cancellationEndsItAtOnce() async throws {
    let office = try Office()
    let appliance = Appliance(try office.configuration(), logger: office.logger)
    let run = Task { try await appliance.run() }
    await appliance.waitUntilReady()
    let client = try await Client.connect(appliance, .smtp)
    _ = try await client.reply()
    run.cancel()
    await #expect(throws: CancellationError.self) { try await run.value }
    await client.close()
    // Everything was let go: the next one opens the same store.
    try await office.run { appliance in
      let greeting = try await Client.greeting(appliance, .smtp)
      #expect(greeting?.hasPrefix("220") == true)
    }
  }

  @Test func whatPreventsTheStartIsThrownAndNothingIsKept() async throws {
    let office = try Office()
    try await office.run { first in
      let port = try #require(first.port(of: .smtp))
      let other = try Office()
      let text = other.text(extra: "[smtp]\nlisten = [\"127.0.0.1:\(port)\"]\n")
      let second = Appliance(try other.configuration(text), logger: other.logger)
      let error = await #expect(throws: ListenerError.self) { try await second.run() }
      #expect(error?.description.contains("127.0.0.1:\(port)") == true)
      #expect(!(await second.waitUntilReady()))
      // Its store was closed again.
      try await other.run { #expect($0.port(of: .smtp) != nil) }
      // A store has one process, and in it one appliance.
      let third = Appliance(try office.configuration(), logger: office.logger)
      await #expect(throws: (any Error).self) { try await third.run() }
    }
  }

  @Test func inheritedSocketsAreUsedOrClosed() async throws {
    let office = try Office()
    var options = Appliance.Options()
    let (smtp, imap, unknown) = (try ListeningSocket(), try ListeningSocket(), try ListeningSocket())
    options.inherited = [
      InheritedSocket(name: "smtp", descriptor: smtp.descriptor),
      InheritedSocket(name: "imap", descriptor: imap.descriptor),
      InheritedSocket(name: "http", descriptor: unknown.descriptor),
    ]
    try await office.run(office.configuration(office.text(on: [.smtp, .submission])), options: options) { appliance in
      #expect(appliance.port(of: .smtp) == smtp.port)
      try await Client.expectGreeting(appliance, .smtp, "220")
      #expect(appliance.port(of: .imap) == nil)
      // Where none was inherited there is an own one.
      try await Client.expectGreeting(appliance, .submission, "220")
      #expect(imap.isClosed && unknown.isClosed && !smtp.isClosed)
    }
    #expect(office.log.contains("warning An inherited socket was closed name=imap"))
    #expect(office.log.contains("warning An inherited socket was closed name=http"))
    #expect(smtp.isClosed)
  }

  @Test func aMigrationAsksForTime() async throws {
    let office = try Office()
    let manager = try Manager(office.folder + "/notify")
    let patience = MigrationPatience(Notify(path: manager.path))
    patience.begin("Changing the store from schema 1 to 2")
    _ = try await manager.hears("STATUS=Changing the store from schema 1 to 2")
    _ = try await manager.hears("EXTEND_TIMEOUT_USEC=60000000")
    patience.end()
  }

  /// After a failed sync nobody knows what is on disk: nobody is answered, and the process ends to start anew.
  @Test func afterAFailedSyncNobodyIsAnswered() async throws {
    let office = try Office()
    let appliance = Appliance(try office.configuration(), logger: office.logger)
    let run = Task { try await appliance.run() }
    await appliance.waitUntilReady()
    let client = try await Client.connect(appliance, .smtp)
    _ = try await client.reply()
    appliance.life.withLock { $0.ends }?.send(.failure(ApplianceError.storeFailed("test")))
    await #expect(throws: ApplianceError.self) { try await run.value }
    let said = try? await client.text()
    #expect(said == nil)
    await client.close()
    #expect(office.log.contains("error The appliance has ended"))
  }

  @Test func theServiceManagerHearsOfItsLife() async throws {
    let office = try Office()
    let manager = try Manager(office.folder + "/notify")
    var options = Appliance.Options()
    options.notify = Notify(path: manager.path)
    options.watchdog = .milliseconds(60)
    let file = try office.write("appliance.conf", office.text())
    try await office.run(options: options, configurationFile: file) { appliance in
      #expect(try await manager.hears("READY=1").contains("STATUS=imap 0, smtp 0"))
      for _ in 0..<3 { _ = try await manager.hears("WATCHDOG=1") }
      _ = try await appliance.reload()
      _ = try await manager.hears("RELOADING=1")
      _ = try await manager.hears("READY=1")
    }
    _ = try await manager.hears("STOPPING=1")
  }
}

/// A listening socket as a service manager would pass it.
final class ListeningSocket {
  let descriptor: Int32
  let port: Int
  private let identity: UInt64

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let fd = descriptor
    let done = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, length) == 0 && listen(fd, 10) == 0 && getsockname(fd, $0, &length) == 0
      }
    }
    try #require(done)
    port = Int(UInt16(bigEndian: address.sin_port))
    var status = stat()
    fstat(descriptor, &status)
    identity = UInt64(status.st_ino)
  }

  /// Whether the descriptor no longer is this socket.
  var isClosed: Bool {
    var status = stat()
    return fstat(descriptor, &status) != 0 || UInt64(status.st_ino) != identity
  }
}

/// A service manager's socket for notes.
final class Manager: Sendable {
  let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let fd = descriptor
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
  }

  deinit { close(descriptor) }

  /// Waits for a note with an assignment, passing over others.
  func hears(_ assignment: String) async throws -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &bytes, bytes.count, 0)
      if count > 0 {
        let note = String(decoding: bytes[..<count], as: UTF8.self)
        if note.split(separator: "\n").contains(Substring(assignment)) { return note }
      } else {
        try await Task.sleep(for: .milliseconds(2))
      }
    }
  }
}
