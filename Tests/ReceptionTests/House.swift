import Accounts
import Configuration
import Delivery
import Glibc
import MailFlow
import Message
import NIOCore
import NIOPosix
import Network
import Platform
import SMTP
import Store
import Submission
import Synchronization
import Testing

@testable import Reception

/// A small appliance on loopback: real store, real flow, real planner, one port of each kind.
final class House: Sendable {
  static let password = "correct horse"

  let store: Store
  let flow: MailFlow
  let tls: TLSContexts
  let listeners: [Listener]
  let smtp: Int
  let submission: Int
  let submissions: Int

  private init(
    store: Store, flow: MailFlow, tls: TLSContexts, listeners: [Listener]
  ) {
    self.store = store
    self.flow = flow
    self.tls = tls
    self.listeners = listeners
    let ports = listeners.map { $0.address?.port ?? 0 }
    smtp = ports[0]
    submission = ports[1]
    submissions = ports[2]
  }

  /// Opens a house, does something in it, tears it down.
  static func with(
    _ more: String = "", staging: String = "64 MiB", mx: any ReceptionPolicy = Strangers(),
    limits: TimeLimits = .standard, judge: any Judge = OpenGate(),
    _ body: @escaping @Sendable (House) async throws -> Void
  ) async throws {
    let folder = Folder()
    let configuration = try Configuration(text: text(more, staging))
    let store = try Store.open(folder: folder.path)
    let current: @Sendable () -> Configuration = { configuration }
    let planner = Delivery(
      configuration: current, usage: { account in try await store.read { try $0.usage(account: account).bytes } })
    let flow = MailFlow(store: store, configuration: current, judge: judge, planner: planner)
    let authenticator = Authenticator(
      configuration: current, secrets: StoredSecrets(store), sleep: { _ in })
    for account in ["anna", "bob"] {
      try await authenticator.setPassword(Array(password.utf8), account: account)
    }
    let tls = try TLSContexts([SelfMadeCertificate(names: ["mail.example.org"], now: Clock.system.now()).certificate()])
    let policy = SubmissionPolicy()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var listeners: [(Listener, Reception)] = []
    for (service, implicit) in [(Configuration.Service.Name.smtp, false), (.submission, false), (.submissions, true)] {
      var options = ListenerOptions(
        name: service.rawValue, limits: ConnectionLimits(.init()), implicitTLS: implicit ? tls : nil)
      options.refusal = Reception.refusal
      let reception = Reception(
        service: service, policy: service == .smtp ? DevicePort(devices: policy, others: mx) : policy,
        flow: flow, authenticator: authenticator, tls: implicit ? nil : tls, configuration: current,
        timeLimits: limits)
      let listener = try await Listener.bind(.tcp(HostPort(host: "127.0.0.1", port: 0)), options, on: group)
      listeners.append((listener, reception))
    }
    let house = House(
      store: store, flow: flow, tls: tls, listeners: listeners.map(\.0))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for (listener, reception) in listeners {
        tasks.addTask { await listener.run { await reception.serve($0) } }
      }
      defer { for (listener, _) in listeners { listener.beginShutdown() } }
      try await body(house)
    }
    await store.close()
    try await group.shutdownGracefully()
  }

  private static func text(_ more: String, _ staging: String) -> String {
    """
    hostname = "mail.example.org"
    postmaster = "anna"
    \(more.split(separator: "\n").prefix { !$0.hasPrefix("[") }.joined(separator: "\n"))
    [[domain]]
    name = "example.org"
    [[account]]
    name = "anna"
    [[account]]
    name = "bob"
    quota = "1 MiB"
    [[route]]
    domains = ["elsewhere.example"]
    host = "127.0.0.1:1"
    [passwords]
    iterations = 4096
    [limits]
    message-size = "2 MiB"
    disk-reserve = "1 MiB"
    staging = "\(staging)"
    staging-per-address = "\(staging)"
    \(more.split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.hasPrefix("[") }.joined(separator: "\n"))
    """
  }

  // MARK: What came of it

  /// The messages in somebody's inbox, trace fields included.
  func inbox(_ account: String) async throws -> [String] {
    try await store.read { reader in
      guard let mailbox = try reader.mailbox(account: account, name: "INBOX"),
        let snapshot = try reader.snapshot(mailbox.id)
      else { return [] }
      return try snapshot.uids.map { uid in
        let fetched = try reader.fetch(mailbox.id, UIDSet(uid...uid), .header)
        guard let entry = fetched.first, let content = try reader.content(entry.entry.content) else { return "" }
        let body = try reader.body(content.body, from: 0, count: content.bodySize)
        return String(decoding: entry.prefix + entry.columns.header + body, as: UTF8.self)
      }
    }
  }

  /// Waits until so many messages are there and no session is left: then what became of their replies is known.
  func settle(_ messages: Int) async throws {
    while try await inbox("anna").count < messages || listeners.contains(where: { !$0.liveConnections.isEmpty }) {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// The destinations that wait in the queue.
  func queue() async throws -> [String] {
    try await store.read { try $0.waiting(QueueFilter()).map { $0.recipient.address } }
  }
}

/// The MX side as far as Reception needs one: strangers, strictly.
struct Strangers: ReceptionPolicy {
  func connect(_ session: ReceptionSession) async -> ConnectDecision {
    .accept(
      SessionTerms(
        origin: .mx, requiresAuthentication: false, discipline: .strict,
        replyDeadline: session.configuration.limits.replyDeadline))
  }
}

/// A folder of a test's own, removed with all that is in it.
final class Folder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/postroom-reception-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nowhere"
  }

  deinit {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink(path + "/" + name)
    }
    closedir(folder)
    rmdir(path)
  }
}
