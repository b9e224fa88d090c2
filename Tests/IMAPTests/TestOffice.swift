import Accounts
import Configuration
import Logging
import MailFlow
import Message
import Platform
import Store
import Synchronization
import Testing

@testable import IMAP

#if canImport(Glibc)
  import Glibc
#endif

/// A small office with a real store in a folder of its own: alice and bob, and sessions for them.
final class TestOffice: Sendable {
  let folder: String
  let store: Store
  let flow: MailFlow
  let authenticator: Authenticator
  let configuration: @Sendable () -> Configuration
  static let now = Moment(seconds: 1_790_000_000)

  static func text(more: String = "") -> String {
    """
    hostname = "mail.example.org"
    postmaster = "alice"
    [[domain]]
    name = "example.org"
    [[account]]
    name = "alice"
    addresses = ["alice@example.org"]
    [[account]]
    name = "bob"
    addresses = ["bob@example.org"]
    quota = "1 MiB"
    [limits]
    message-size = "900 KiB"
    disk-reserve = "1 MiB"
    [passwords]
    iterations = 4096
    \(more)
    """
  }

  init() async throws {
    // Hundreds of small commits: in memory where there is a place for that, so that the disk's sync does not decide.
    let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(place)/postroom-imap-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw StoreError.file(path: "/tmp", "no folder could be made") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var options = Store.Options()
    options.reserve = 0
    options.ballast = 0
    options.clock = Clock { Self.now }
    store = try Store.open(folder: folder, options: options)
    let box = SharedConfiguration(try Configuration(text: Self.text()))
    configuration = { box.value }
    authenticator = Authenticator(
      configuration: configuration, secrets: StoredSecrets(store), sleep: { _ in })
    flow = MailFlow(
      store: store, configuration: configuration, judge: OpenGate(), planner: NoPlanner(), clock: Clock { Self.now })
    for name in ["alice", "bob"] {
      try await authenticator.setPassword(Array("secret".utf8), account: name)
      try await flow.mailboxes.prepare(account: name)
    }
  }

  /// Ends the office and removes its folder.
  func close() async {
    await store.close()
    if let names = opendir(folder) {
      while let entry = readdir(names) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
          String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        unlink("\(folder)/\(name)")
      }
      closedir(names)
    }
    rmdir(folder)
  }

  static func with(_ body: (TestOffice) async throws -> Void) async throws {
    let office = try await TestOffice()
    do {
      try await body(office)
    } catch {
      await office.close()
      throw error
    }
    await office.close()
  }

  // MARK: Mail

  @discardableResult
  func file(
    _ message: String, in name: String = "INBOX", of account: String = "alice", flags: Flags = [],
    keywords: [String] = [],
    at date: Moment = now
  ) async throws -> Filed {
    try await file(Array(message.replacing("\n", with: "\r\n").utf8), in: name, of: account, flags, keywords, date)
  }

  @discardableResult
  func file(
    _ octets: [UInt8], in name: String = "INBOX", of account: String = "alice", _ flags: Flags = [],
    _ keywords: [String] = [], _ date: Moment = now
  ) async throws -> Filed {
    let intake = try flow.beginIntake(origin: .append, peer: nil)
    await intake.append(octets)
    let content = try await intake.finish()
    let mailbox = try #require(await store.read { try $0.mailbox(account: account, name: name) })
    return try await flow.mailboxes.append(
      account: account, mailbox: mailbox.id, content: content, flags: flags, keywords: keywords, internalDate: date)
  }

  /// So many short messages, numbered from 1.
  func fill(_ count: Int, in name: String = "INBOX") async throws {
    for number in 1...count {
      try await file("From: a@example.org\nSubject: Message \(number)\n\nText \(number)\n", in: name)
    }
  }

  // MARK: Clients

  func connect(
    _ stream: TestStream = TestStream(), limits: SessionLimits = SessionLimits()
  ) async -> TestClient {
    let services = SessionServices(
      store: store, flow: flow, authenticator: authenticator, configuration: configuration,
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), limits: limits)
    let task = Task {
      await Session(stream, services).run()
      stream.sessionDidEnd()
    }
    let client = TestClient(stream, task)
    client.greeting = await client.line()
    return client
  }

  /// A client that is logged in.
  func client(_ account: String = "alice", enabling: String? = nil, selecting mailbox: String? = nil) async
    -> TestClient
  {
    let client = await connect()
    await client.command("LOGIN \(account) secret")
    if let enabling { await client.command("ENABLE \(enabling)") }
    if let mailbox { await client.command("SELECT \(mailbox)") }
    return client
  }
}

private final class SharedConfiguration: Sendable {
  let value: Configuration
  init(_ value: Configuration) { self.value = value }
}

private struct NoPlanner: Planner {
  func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
    .refused(Answer(550, "5.1.1", "Nobody"))
  }
  func plan(_ message: PlannedMessage) async throws -> Plan {
    Plan(recipients: [], configurationGeneration: message.verdicts.isEmpty ? 1 : 0)
  }
}

/// One client of a session.
final class TestClient {
  let stream: TestStream
  private let task: Task<Void, Never>
  private var number = 0
  var greeting = ""

  init(_ stream: TestStream, _ task: Task<Void, Never>) {
    self.stream = stream
    self.task = task
  }

  func send(_ text: String) { stream.send(text.utf8) }

  /// The next line of the server's, without its end; empty when the session is over.
  func line() async -> String {
    let octets = await stream.take { output in output.firstIndex(of: 10).map { $0 + 1 } }
    return text(octets).trimmed
  }

  /// Sends a command and gives the lines of the answer, the tag of the last one taken off.
  @discardableResult
  func command(_ text: String) async -> [String] {
    number += 1
    let tag = "t\(number)"
    send("\(tag) \(text)\r\n")
    return await answer(tag)
  }

  /// Sends a command and expects exactly these lines.
  func expect(
    _ command: String, _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let lines = await self.command(command)
    #expect(lines == expected, "\(command)", sourceLocation: sourceLocation)
  }

  /// The lines up to the tagged one.
  func answer(_ tag: String) async -> [String] {
    let mark = Array("\(tag) ".utf8)
    let octets = await stream.take { output in
      var start = output.startIndex
      while let end = output[start...].firstIndex(of: 10) {
        if output[start...].starts(with: mark) { return end + 1 }
        start = end + 1
      }
      return nil
    }
    var lines = text(octets).replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
    if lines.last == "" { lines.removeLast() }
    if let last = lines.last, last.hasPrefix("\(tag) ") {
      lines[lines.count - 1] = String(last.dropFirst(tag.count + 1))
    }
    return lines
  }

  /// Everything until the session ends.
  func rest() async -> String { text(await stream.take { _ in nil }) }

  func ended() async { await task.value }

  private func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }
}

extension String {
  fileprivate var trimmed: String { hasSuffix("\r\n") ? String(dropLast()) : self }
}
