import Foundation
import Platform
import Testing

/// `kill -9` under load, again and again: what was acknowledged is there, exactly once.
///
/// `POSTROOM_KILLS` says how many times (8 by default, hundreds for a long run), `POSTROOM_SEED` repeats a series. The next
/// server is a real Postfix.
@Suite("EndToEnd: crash series") final class CrashSeriesTests {
  private let letters = (0..<3).map { LetterLoad(.outside, name: "mx\($0)") }
  private let submission = LetterLoad(.submission, name: "sub")
  private var mailboxes: [MailboxLoad] = []
  private var deaths: [String: Int] = [:]
  /// Relayed messages that were held although nothing was wrong with them.
  private var heldByChance = 0

  @Test(.enabled(if: TestPostfix.canRun, "Postfix runs only as root"))
  func acknowledgedMailSurvivesKillsUnderLoad() throws {
    let environment = ProcessInfo.processInfo.environment
    let kills = environment["POSTROOM_KILLS"].flatMap { Int($0) } ?? 8
    let seed = environment["POSTROOM_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64.max)
    print("crash series: POSTROOM_KILLS=\(kills) POSTROOM_SEED=\(seed)")
    var generator = SplitMix(state: seed)
    let remote = try TestPostfix(domain: "remote.example")
    let office = try makeOffice(remote)
    mailboxes = (0..<3).map { MailboxLoad(name: "W\($0)", seed: generator.next()) }
    let wire = try office.imap("bob")
    for mailbox in mailboxes { try mailbox.makeMailboxes(wire) }
    _ = try office.imap("alice").imap("CREATE Moved")
    office.kill()
    for round in 0..<kills {
      try live(office, until: Death(round: round, using: &generator))
      if round % 25 == 24 {
        try check(office)
        office.kill()
      }
    }
    office.environment["POSTROOM_FAULT"] = nil
    if !office.isRunning { try office.start() }
    try check(office)
    try checkRelay(office, remote)
    report(kills, seed, try remote.arrivals())
    #expect(letters.reduce(0) { $0 + $1.acknowledged.count } > kills * 2, "the load was no load")
  }

  private func makeOffice(_ remote: TestPostfix) throws -> TestAppliance {
    let route = "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(remote.port)\"\n"
    return try TestAppliance.running(extra: route + "[queue]\nretry = [\"1 s\"]\n", plaintext: true)
  }

  // MARK: One life

  private func live(_ office: TestAppliance, until death: Death) throws {
    office.environment["POSTROOM_FAULT"] = death.environment
    // As after a power cut: what was under way counts against nobody. Else 127.0.0.1 is soon put off, and there is no load.
    try? FileManager.default.removeItem(atPath: office.folder.file("control.under-way"))
    do {
      try office.start()
    } catch {
      // The point may be passed while it starts.
      guard case .point = death, !office.isRunning else { throw error }
      return deaths["\(death), while it started", default: 0] += 1
    }
    let ports = try Ports(office)
    let clients = Clients()
    for letter in letters + [submission] { clients.start { letter.run(on: ports) } }
    for mailbox in mailboxes { clients.start { mailbox.run(on: ports) } }
    clients.start { Self.sort(ports) }
    if case .moment(let microseconds) = death { usleep(microseconds) }
    if case .point = death { Self.wait(for: office) }
    deaths[office.isRunning && death.environment != nil ? "\(death), not passed in time" : "\(death)", default: 0] += 1
    office.kill()
    clients.wait()
  }

  private static func wait(for office: TestAppliance) {
    let deadline = Date(timeIntervalSinceNow: 4)
    while office.isRunning, Date() < deadline { usleep(10_000) }
  }

  /// Alice moves what comes in out of her inbox while more comes.
  private static func sort(_ ports: Ports) {
    guard let wire = try? Wire(port: ports.imap, seconds: 10), (try? wire.line()) != nil,
      (try? wire.imap("LOGIN alice \"\(TestAppliance.password)\""))?.last?.hasPrefix("a OK") == true,
      (try? wire.imap("SELECT INBOX")) != nil
    else { return }
    while (try? wire.imap("MOVE 1:3 Moved")) != nil {}
  }

  // MARK: The check

  private func check(_ office: TestAppliance) throws {
    if !office.isRunning {
      office.environment["POSTROOM_FAULT"] = nil
      try office.start()
    }
    for mailbox in mailboxes { try mailbox.check(office) }
    let (inbox, moved) = (try Seen(office, "alice", "INBOX").counts, try Seen(office, "alice", "Moved").counts)
    let alice = inbox.merging(moved) { $0 + $1 }
    let bob = try Seen(office, "bob", "INBOX").counts
    for letter in letters { Self.compare(letter, alice, "alice") }
    for letter in letters + [submission] { Self.compare(letter, bob, "bob") }
    let known = Set((letters + [submission]).flatMap(\.tried))
    #expect(Set(bob.keys).union(alice.keys).subtracting(known).isEmpty, "never sent")
    #expect(try office.tell("fsck").contains("Sound"))
  }

  private static func compare(_ journal: LetterLoad, _ seen: [String: Int], _ who: String) {
    let lost = journal.acknowledged.filter { seen[$0] == nil }
    let doubled = journal.tried.filter { (seen[$0] ?? 0) > 1 }
    #expect(lost.isEmpty, "\(who): acknowledged and lost")
    #expect(doubled.isEmpty, "\(who): more than once")
  }

  private func checkRelay(_ office: TestAppliance, _ remote: TestPostfix) throws {
    var waiting: [[String: Any]] = []
    func isQueueEmpty() throws -> Bool {
      waiting = try office.list("queue", "list")
      for row in waiting where row["state"] as? String == "held" {
        heldByChance += 1
        if let id = row["id"] as? String { try office.tell("queue", "release", id) }
      }
      return waiting.isEmpty
    }
    do {
      try TestAppliance.wait("the queue is empty", seconds: 120, until: isQueueEmpty)
    } catch {
      Issue.record("\(error): \(waiting.count) recipients, such as \(waiting.prefix(3))")
    }
    try TestAppliance.wait("Postfix has delivered", seconds: 120) {
      submission.acknowledged.subtracting(try remote.arrivals().keys).isEmpty
    }
    #expect(Set(try remote.arrivals().keys).subtracting(submission.tried).isEmpty, "never sent")
    #expect(try office.tell("fsck").contains("Sound"))
  }

  private func report(_ kills: Int, _ seed: UInt64, _ arrivals: [String: Int]) {
    let mail = letters.reduce(0) { $0 + $1.acknowledged.count }
    let again = (letters + [submission]).reduce(0) { $0 + $1.sentAgain }
    let putOff = (letters + [submission]).reduce(0) { $0 + $1.putOff.count }
    let twice = arrivals.values.filter { $0 > 1 }.count
    print("crash series: \(kills) kills with seed \(seed):")
    for (death, count) in deaths.sorted(by: { $0.key < $1.key }) { print("  \(count) × \(death)") }
    print(
      """
        acknowledged: \(mail) messages to two mailboxes each, \(submission.acknowledged.count) to a mailbox and to Postfix, \
      \(mailboxes.reduce(0) { $0 + $1.acknowledged }) changes over IMAP
        sent again after an answer was lost: \(again); arrived at Postfix twice: \(twice); put off by chance: \(putOff); \
      held by chance: \(heldByChance)
      """)
  }
}

/// Client threads of one life.
private final class Clients {
  private let group = DispatchGroup()

  func start(_ work: @escaping @Sendable () -> Void) {
    group.enter()
    let thread = Thread { [group] in
      work()
      group.leave()
    }
    thread.start()
  }

  func wait() { group.wait() }
}
