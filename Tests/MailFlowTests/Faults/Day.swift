import Configuration
import FaultyDisk
import Glibc
import Message
import Platform
import Testing

@testable import MailFlow
@testable import Store

/// What a client knows after a step of the day.
enum Outcome: Equatable {
  case done
  /// It was told that nothing was done.
  case refused(String)
  /// It was told nothing.
  case unknown(String)
  /// Of several clients at once these were told yes, the others nothing.
  case partly([String])
}

/// A day of an office's mail over a disk in memory: the house, and what those who use it remember.
///
/// Every step is one transaction that matters (staging and lazy rows apart), so that after each fault the mail is as it was before a
/// step or as it was after it.
final class Day {
  struct Step: Sendable {
    let name: String
    /// How long after the step before.
    var after: Duration = .seconds(60)
    /// A client of SMTP sends again what it was not told about; others look first.
    var isMail = false
    /// Several clients at once: any of them may be served and the others not.
    var isBurst = false
    let run: @Sendable (Day) async -> Outcome
  }

  let folder: TestFolder
  let clock = HandClock()
  /// Nobody asks for it while it is closed.
  var house: House {
    guard let current else { preconditionFailure("the house is closed") }
    return current
  }
  var isOpen: Bool { current != nil }
  private var current: House?
  /// Envelopes by the word that the test knows them by.
  var ids: [String: EnvelopeID] = [:]
  /// Whether backups are restored and checked, which takes time.
  var checksBackups = false
  private var backups = 0
  private let start: Moment

  init(in folder: TestFolder) {
    self.folder = folder
    start = clock.now
  }

  /// Opens the house, as a starting process does.
  func open() throws {
    let house = try House(in: folder, clock: clock) { options in
      options.vfs = MemoryDisk.layer
      options.checkpointPages = 64
      options.hashTail = 8
      options.reserve = 0
    }
    for address in ["trap@office.example", "staff@office.example"] {
      try house.leads(address, to: .deliver(try house.filing("anna", as: address)))
    }
    for number in 0..<4 { try house.leads("u\(number)@office.example", to: .deliver(try house.filing("u\(number)"))) }
    house.judge.verdicts.withLock { $0["trap@office.example"] = Verdict(.quarantine(reason: "rule trap")) }
    let (staff, anna) = (try #require(EmailAddress("staff@office.example")), try house.filing("anna"))
    let helper = try #require(EmailAddress("helper@elsewhere.example"))
    try house.leads(
      "staff@office.example",
      to: .expand([
        Child(address: anna.deliveredTo, fate: .deliver(anna), through: staff),
        Child(address: helper, fate: .queue(destination: "elsewhere.example"), through: staff),
      ]))
    current = house
  }

  func close() async {
    await current?.close()
    current = nil
  }

  /// Sets the clock to the time of a step, however often that is tried.
  func setTime(_ offset: Duration) { clock.turn(start + offset - clock.now) }

  // MARK: What clients do

  /// The outcome of something that throws when it fails.
  func attempt(_ body: () async throws -> Void) async -> Outcome {
    do {
      try await body()
      return .done
    } catch StoreError.outcomeUnknown(let why) {
      return .unknown(why)
    } catch IntakeError.unknown {
      return .unknown("while it came in")
    } catch {
      return .refused("\(error)")
    }
  }

  func mail(
    _ token: String, to recipients: [String], from: String? = "bob@outside.example", origin: Origin = .mx,
    notify: NotifyRequest? = nil, body: [UInt8] = Array("Good day.\r\n".utf8)
  ) async -> Outcome {
    var acceptance = Acceptance.unknown
    let outcome = await attempt {
      let envelope = try house.envelope(recipients, from: from, origin: origin, notify: notify)
      acceptance = await house.flow.accept(envelope, try await take(token, body))
    }
    guard outcome == .done else { return outcome }
    switch acceptance {
    case .accepted(let id, _):
      ids[token] = id
      return .done
    case .refused(let answer): return .refused(answer.description)
    case .unknown: return .unknown("the commit")
    }
  }

  func take(_ token: String, _ body: [UInt8]) async throws -> ReceivedContent {
    let intake = try house.flow.beginIntake(origin: .mx, peer: IPAddress("192.0.2.1"))
    let header = "From: <bob@outside.example>\r\nSubject: \(token)\r\nMessage-ID: <\(token)@outside.example>\r\n\r\n"
    await intake.append(Array(header.utf8))
    for start in stride(from: 0, to: body.count, by: 1 << 16) {
      await intake.append(body[start..<min(start + 1 << 16, body.count)])
    }
    return try await intake.finish()
  }

  /// Four clients at once.
  func burst(_ token: String) async -> Outcome {
    let house = house
    var envelopes: [Envelope] = []
    var contents: [ReceivedContent] = []
    let prepared = await attempt {
      for number in 0..<4 {
        envelopes.append(try house.envelope(["u\(number)@office.example"]))
        contents.append(try await take("\(token)\(number)", Array("Number \(number).\r\n".utf8)))
      }
    }
    guard prepared == .done else { return prepared }
    let answers = await withTaskGroup(of: (Int, Acceptance).self) { group in
      for (number, (envelope, content)) in zip(envelopes, contents).enumerated() {
        group.addTask { (number, await house.flow.accept(envelope, content)) }
      }
      return await group.reduce(into: [Int: Acceptance]()) { $0[$1.0] = $1.1 }
    }
    let accepted = answers.filter { $0.value.id != nil }.keys.sorted()
    if accepted.count == answers.count { return .done }
    return .partly(accepted.map { "\(token)\($0)" })
  }

  func mailbox(_ account: String, _ name: String) async throws -> MailboxID {
    guard let mailbox = try await house.store.read({ try $0.mailbox(account: account, name: name) }) else {
      throw StoreError.missing("mailbox \(name)")
    }
    return mailbox.id
  }

  func recipient(_ token: String, _ number: Int = 0) throws -> RecipientID {
    RecipientID(try #require(ids[token], "no envelope \(token)"), number)
  }

  func backup() async -> Outcome {
    backups += 1
    let file = folder.path + "/backup-\(backups)"
    return await attempt {
      _ = try await house.store.backup(to: file)
      defer { unlink(file) }
      guard checksBackups else { return }
      let restored = TestFolder()
      _ = try Store.restore(file, into: restored.path, at: clock.now)
      #expect(try Store.check(folder: restored.path).problems == [])
    }
  }

  /// Waits until the reaper is done, or has failed and waits itself.
  func reap() async -> Outcome {
    for _ in 0..<200 {
      let left = try? await house.store.read { reader in
        try reader.database.number("SELECT (SELECT count(*) FROM garbage) + (SELECT count(*) FROM carcass)")
      }
      if left == 0 { break }
      await Task.yield()
    }
    return .done
  }
}
