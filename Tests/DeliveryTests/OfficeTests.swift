import Configuration
import Glibc
import Logging
import MailFlow
import Message
import Platform
import Store
import Synchronization
import Testing

@testable import Delivery

/// The two rooms together over a real store: what would hurt an office is mail that is lost, doubled or misdelivered.
@Suite struct OfficeTests {
  @Test func twentyRecipientsOfAllKindsEachGetTheirsOnce() async throws {
    let office = try Office(
      judge: Gate([
        "carl@office.example": Verdict(.reject(Answer(550, "5.7.1", "Not for carl"))),
        "bert+spam@office.example": Verdict(.tag(Marking(subjectPrefix: "[spam]", isJunk: true))),
        "r3@remote.example": Verdict(.quarantine(reason: "rule")),
      ]))
    let recipients =
      ["anna@office.example", "a.meier@office.example", "staff@office.example", "both@office.example"]
      + ["carl@office.example", "bert+spam@office.example", "info@office.example", "away@office.example"]
      + ["postmaster@office.example", "abuse@shop.example", "whoever@shop.example", "helper@elsewhere.example"]
      + (0..<8).map { "r\($0)@remote.example" }
    let id = try await office.send(recipients)
    let rows = try await office.store.read { try $0.recipients(of: id) }
    #expect(rows.prefix(20).map(\.address) == recipients)
    #expect(Set(rows.map(\.id.number)).count == rows.count)
    #expect(try await office.count("anna") == 1)
    #expect(try await office.count("bert") == 1, "through the group, before his sub-address was marked")
    #expect(try await office.count("bert", "Junk") == 0)
    #expect(try await office.count("carl") == 1, "through the group that may reach him")
    let queued = rows.filter { $0.state == .queued }.map(\.address)
    #expect(queued.count == Set(queued).count)
    #expect(
      Set(queued)
        == Set(
          ["helper@elsewhere.example", "me@private.example"]
            + (0..<8).filter { $0 != 3 }.map { "r\($0)@remote.example" }))
    #expect(rows.filter { $0.state == .quarantined }.map(\.address) == ["carl@office.example", "r3@remote.example"])
    #expect(try await office.store.check().problems == [])
  }

  @Test func releasingWhatWasQuarantinedForOneDoublesNothing() async throws {
    let office = try Office(judge: Gate(["carl@office.example": Verdict(.quarantine(reason: "rule"))]))
    let id = try await office.send(["both@office.example", "carl@office.example"])
    #expect(try await office.count("carl") == 1)
    #expect(try await office.flow.release(RecipientID(id, 1), by: "root") == .delivered)
    #expect(try await office.count("carl") == 1)
  }

  @Test func aMailboxThatFillsUpBetweenRcptAndTheEndRefusesTheWholeMessage() async throws {
    let office = try Office()
    let sender = try office.envelope([])
    let bert = try address("bert@office.example")
    #expect(await office.flow.resolve(bert, for: sender, declaredSize: nil) == .local)
    let large = String(repeating: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", count: 12_000)
    try await office.send(["bert@office.example"], large)
    #expect(await office.flow.resolve(bert, for: sender, declaredSize: 100) == .local)
    let answer = await office.answer(["bert@office.example"], large + "again")
    #expect(answer == Answer(452, "4.2.2", "The mailbox is full"))
    #expect(try await office.count("bert") == 1)
    // With another recipient it is accepted for both: no bounce after 250.
    try await office.send(["bert@office.example", "anna@office.example"], large + "again")
    #expect(try await office.count("bert") == 2)
    #expect(await office.flow.resolve(bert, for: sender, declaredSize: 1).answer?.enhanced == "4.2.2")
  }

  @Test func aLoopThroughAForwarderIsCutAtItsFirstReturn() async throws {
    let office = try Office()
    let id = try await office.send(["away@office.example"])
    let row = try #require(try await office.store.read { try $0.recipients(of: id) }.last)
    #expect(row.address == "me@private.example" && row.state == .queued)
    let content = try #require(row.content)
    let message = try #require(try await office.store.open(content, prefix: row.prefix))
    let returned = String(decoding: try await message.bytes(from: 0, count: 100_000), as: UTF8.self)
    let answer = await office.answer(["away@office.example"], raw: returned, origin: .mx)
    #expect(answer.code == 554 && answer.enhanced == "5.4.6")
  }

  @Test func anAccountThatLeavesTheFileBetweenPlanAndCommitGetsNothingAndNobodyElseDoes() async throws {
    let office = try Office(reloading: true)
    let answer = await office.answer(["carl@office.example"])
    #expect(answer.enhanced == "5.1.1", "planned again under the new configuration")
    #expect(try await office.store.read { try $0.accounts() }.isEmpty)
  }

  @Test func notificationsOfDevicesReachTheirAccount() async throws {
    let office = try Office()
    var envelope = try office.envelope(["x@remote.example"], from: "anna@office.example", origin: .device)
    envelope.device = "fax"
    let id = try #require(await office.accept(envelope).id)
    let row = try #require(try await office.flow.due(limit: 1).first { $0.recipient.id.envelope == id })
    var left: [(row: QueueRow, outcome: AttemptOutcome)] = [
      (row, .failed(status: "5.1.1", host: "mx.remote.example", reply: "550 5.1.1 unknown"))
    ]
    try await office.flow.recordOutcomes(&left)
    #expect(try await office.count("anna") == 1)
  }
}

/// An office with a store, its real planner and a gate.
private final class Office: Sendable {
  let store: Store
  let flow: MailFlow
  private let path: String

  init(judge: any Judge = Gate([:]), reloading: Bool = false) throws {
    var template = Array("/tmp/postroom-delivery-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
    var options = Store.Options()
    options.readers = 1
    options.ballast = 0
    options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let store = try Store.open(folder: path, options: options)
    self.store = store
    let now = try office()
    let later = try Configuration(text: Self.withoutCarl, generation: 2)
    let reload = Reload(now, later)
    let configuration: @Sendable () -> Configuration = { reload.current }
    flow = MailFlow(
      store: store, configuration: configuration, judge: judge,
      planner: Delivery(
        configuration: configuration,
        usage: { account in
          // The planner asks for sums after it has looked at the file: the reload comes between plan and commit.
          if reloading { reload.happen() }
          return try await store.read { try $0.usage(account: account).bytes }
        }),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
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

  static let withoutCarl = """
    hostname = "mail.office.example"
    [[domain]]
    name = "office.example"
    [[account]]
    name = "anna"
    """

  func envelope(
    _ recipients: [String], from: String = "someone@outside.example", origin: Origin = .submission
  ) throws -> Envelope {
    var envelope = try DeliveryTests.envelope(recipients, origin: origin, from: from)
    envelope.receivedAt = Clock.system.now()
    return envelope
  }

  func accept(_ envelope: Envelope, _ text: String = "Subject: x\r\n\r\nbody\r\n") async -> (
    id: EnvelopeID?, answer: Answer
  ) {
    do {
      let intake = try flow.beginIntake(origin: envelope.origin, peer: nil)
      await intake.append(Array(text.utf8))
      switch await flow.accept(envelope, try await intake.finish()) {
      case .accepted(let id, let answer): return (id, answer)
      case .refused(let answer): return (nil, answer)
      case .unknown: return (nil, Answer(0, "", "unknown"))
      }
    } catch {
      return (nil, Answer(0, "", "\(error)"))
    }
  }

  @discardableResult
  func send(_ recipients: [String], _ body: String = "body\n") async throws -> EnvelopeID {
    let text = "Subject: x\r\n\r\n" + body.replacing("\n", with: "\r\n")
    return try #require(await accept(try envelope(recipients), text).id)
  }

  func answer(
    _ recipients: [String], _ body: String = "body\n", raw: String? = nil, origin: Origin = .submission
  ) async -> Answer {
    guard let envelope = try? envelope(recipients, origin: origin) else { return Answer(0, "", "no envelope") }
    return await accept(envelope, raw ?? "Subject: x\r\n\r\n" + body.replacing("\n", with: "\r\n")).answer
  }

  func count(_ account: String, _ name: String = "INBOX") async throws -> Int {
    try await store.read { try $0.mailbox(account: account, name: name)?.messages ?? 0 }
  }
}

/// A configuration, and the one that follows.
private final class Reload: Sendable {
  private let now: Mutex<Configuration>
  private let later: Configuration
  init(_ now: Configuration, _ later: Configuration) {
    self.now = Mutex(now)
    self.later = later
  }
  var current: Configuration { now.withLock { $0 } }
  func happen() { now.withLock { $0 = later } }
}

private struct Gate: Judge {
  let verdicts: [String: Verdict]
  init(_ verdicts: [String: Verdict]) { self.verdicts = verdicts }
  func judge(_ message: JudgedMessage) async -> [Verdict] {
    message.envelope.recipients.map { verdicts[$0.address.description] ?? .accept }
  }
}
