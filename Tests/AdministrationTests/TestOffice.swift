import Accounts
import Administration
import Configuration
import MailFlow
import Message
import Platform
import Store
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A store with the rooms that commands act on, in a folder of its own.
final class TestOffice: Sendable {
  let folder: String
  let store: Store
  let flow: MailFlow
  let authenticator: Authenticator
  private let current: Mutex<Configuration>

  /// Recipients in `quarantine.example` are quarantined, all others queued.
  struct Everywhere: Planner {
    func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
      .remote(domain: "example.net")
    }
    func plan(_ message: PlannedMessage) async throws -> Plan {
      let recipients = message.envelope.recipients.map { recipient in
        recipient.address.description.hasSuffix("quarantine.example")
          ? PlannedRecipient(.quarantine(reason: "a test")) : PlannedRecipient(.queue(destination: "example.net"))
      }
      return Plan(recipients: recipients, configurationGeneration: 1)
    }
  }

  static let base = """
    hostname = "mail.example.org"
    [[domain]]
    name = "example.org"
    [passwords]
    iterations = 4096
    [limits]
    disk-reserve = "0 B"

    """

  static func configuration(accounts: [String]) throws -> Configuration {
    try Configuration(text: base + accounts.map { "[[account]]\nname = \"\($0)\"\n" }.joined())
  }

  init(accounts: [String] = ["alice", "bob"], clock: Clock = .system) throws {
    var template = Array("/tmp/postroom-admin-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw CommandFailure("no folder") }
    let folder = String(cString: made)
    var options = Store.Options()
    options.ballast = 0
    options.reserve = 0
    let store = try Store.open(folder: folder, options: options)
    let configuration = try Self.configuration(accounts: accounts)
    self.folder = folder
    self.store = store
    current = Mutex(configuration)
    store.setGeneration(1)
    flow = MailFlow(
      store: store, configuration: { configuration }, judge: OpenGate(), planner: Everywhere(), clock: clock)
    authenticator = Authenticator(configuration: { configuration }, secrets: StoredSecrets(store))
  }

  func close() async {
    await store.close()
    if let entries = opendir(folder) {
      while let entry = readdir(entries) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        unlink("\(folder)/\(name)")
      }
      closedir(entries)
    }
    rmdir(folder)
  }

  func adopt(accounts: [String]) throws {
    let configuration = try Self.configuration(accounts: accounts)
    current.withLock { $0 = configuration }
  }

  func office(running: (any RunningAppliance)? = nil) -> Office {
    Office(
      configuration: current.withLock { $0 }, store: store, flow: flow, authenticator: authenticator, running: running)
  }

  /// Has a message accepted.
  func submit(to recipients: [String], subject: String = "Invoice") async -> EnvelopeID? {
    let envelope = Envelope(
      origin: .submission, reversePath: EmailAddress(localPart: "alice", domain: "example.org"),
      recipients: recipients.compactMap { address in
        let parts = address.split(separator: "@")
        return EmailAddress(localPart: String(parts[0]), domain: String(parts[1])).map { EnvelopeRecipient($0) }
      }, account: "alice", receivedAt: Clock.system.now())
    guard let intake = try? flow.beginIntake(origin: .submission, peer: nil) else { return nil }
    await intake.append(
      Array(
        "From: alice@example.org\r\nMessage-ID: <a\(subject.count)@example.org>\r\nSubject: \(subject)\r\n\r\nHello\r\n"
          .utf8))
    guard let content = try? await intake.finish(), case .accepted(let id, _) = await flow.accept(envelope, content)
    else {
      return nil
    }
    return id
  }

  func hasPassword(_ account: String) async throws -> Bool {
    try await store.read { try $0.verifier(account: account) != nil }
  }

  /// What a command answers.
  func ask(_ command: String, _ arguments: [String: String] = [:], running: (any RunningAppliance)? = nil) async
    -> (rows: [ControlRow], end: ControlEnd)
  {
    let rows = Rows()
    let end = await Command.perform(
      ControlRequest(command, arguments), in: office(running: running), actor: "tester"
    ) { rows.add($0) }
    return (rows.all, end)
  }

  final class Rows: Sendable {
    private let rows = Mutex<[ControlRow]>([])
    func add(_ row: ControlRow) { rows.withLock { $0.append(row) } }
    var all: [ControlRow] { rows.withLock { $0 } }
  }
}

/// Runs a test with an office, and cleans up after it.
func withTestOffice(_ body: (TestOffice) async throws -> Void) async throws {
  let office = try TestOffice()
  do {
    try await body(office)
    await office.close()
  } catch {
    await office.close()
    throw error
  }
}
