import Message
import Platform
import Store
import Synchronization
import Testing

@testable import MailFlow

@Suite struct ChangeHubTests {
  final class Seen: Sendable {
    let changes = Mutex<[ChangeHub.Change]>([])
    func add(_ change: ChangeHub.Change) { changes.withLock { $0.append(change) } }
    var all: [ChangeHub.Change] { changes.withLock { $0 } }
  }

  @Test func anIdleSessionIsWokenBeforeTheSenderHearsYes() async throws {
    let house = try House()
    try await house.flow.mailboxes.prepare(account: "anna")
    let inbox = try await house.mailbox("anna")
    let seen = Seen()
    let subscription = house.flow.changes.subscribe(mailbox: inbox.id, seen.add)
    try await house.deliver(["anna@office.example"])
    guard case .mailbox(let id, let modseq)? = seen.all.first else { throw TablePlanner.Trouble() }
    #expect(id == inbox.id && modseq > inbox.highestModSeq)
    #expect(try await house.mailbox("anna").highestModSeq == modseq)
    try await house.deliver(["bert@office.example"])
    #expect(seen.all.count == 1, "another mailbox is no news")
    subscription.cancel()
    try await house.deliver(["anna@office.example"], from: nil)
    #expect(seen.all.count == 1)
    #expect(house.flow.changes.count == 0)
  }

  @Test func whoForgetsHisSubscriptionIsForgotten() async throws {
    let house = try House()
    do { _ = house.flow.changes.subscribe(account: "anna") { _ in } }
    #expect(house.flow.changes.count == 0)
  }

  @Test func listsAndDeletionsAreNews() async throws {
    let house = try House()
    let seen = Seen()
    let list = house.flow.changes.subscribe(account: "anna", seen.add)
    let box = try await house.flow.mailboxes.create(account: "anna", name: "Projects")
    #expect(seen.all == [.mailboxList(account: "anna")])
    let gone = Seen()
    let one = house.flow.changes.subscribe(mailbox: box.id, gone.add)
    try await house.flow.mailboxes.delete(account: "anna", name: "Projects")
    #expect(gone.all.contains(.mailboxDeleted(box.id)))
    list.cancel()
    one.cancel()
  }

  @Test func theQueueWakesItsRunner() async throws {
    let house = try House()
    let wakeUps = house.flow.changes.queueWakeUps()
    try await house.deliver(["anna@office.example"])
    try await house.deliver(["friend@elsewhere.example"], origin: .submission)
    try await house.deliver(["other@elsewhere.example"], origin: .submission)
    for await _ in wakeUps { break }
  }
}

@Suite struct MailboxServiceTests {
  private func filed(_ house: House, _ account: String = "anna", size: Int = 100) async throws -> (MailboxID, Filed) {
    try await house.flow.mailboxes.prepare(account: account)
    let inbox = try await house.mailbox(account)
    let intake = try house.flow.beginIntake(origin: .append, peer: nil)
    await intake.append(Array("Return-Path: <kept@x.example>\r\n\r\n".utf8) + [UInt8](repeating: 65, count: size))
    return (
      inbox.id,
      try await house.flow.mailboxes.append(
        account: account, mailbox: inbox.id, content: try await intake.finish(), flags: [.seen, .draft],
        keywords: ["$Work"], internalDate: Moment(seconds: 1_000_000_000), dateOffset: 120)
    )
  }

  @Test func appendKeepsEveryByteAndWhatTheClientSaid() async throws {
    let house = try House()
    let (inbox, filed) = try await filed(house)
    let entries = try await house.store.read { try $0.entries(inbox, .all) }
    let entry = try #require(entries.first)
    #expect(entry.uid == filed.uid)
    #expect(entry.flags.isSuperset(of: [.seen, .draft]))
    #expect(entry.internalDate == Moment(seconds: 1_000_000_000) && entry.dateOffset == 120)
    #expect(try await house.messages("anna")[0].hasPrefix("Return-Path: <kept@x.example>\n\nAAA"))
    #expect(try await house.store.read { try $0.keywords(inbox) }.words == ["$Work"])
  }

  @Test func theQuotaBindsAppendAndCopyButNotMove() async throws {
    let house = try House()
    let (inbox, first) = try await filed(house, size: 600_000)
    await #expect(throws: MailboxError.overQuota(account: "anna")) { _ = try await filed(house, size: 600_000) }
    let sent = try await house.mailbox("anna", "Sent").id
    await #expect(throws: MailboxError.overQuota(account: "anna")) {
      try await house.flow.mailboxes.copy(account: "anna", from: inbox, uids: UIDSet([first.uid]), to: sent)
    }
    #expect(try await house.mailbox("anna", "Sent").messages == 0)
    let moved = try await house.flow.mailboxes.move(account: "anna", from: inbox, uids: UIDSet([first.uid]), to: sent)
    #expect(moved.source == [first.uid])
    #expect(try await house.mailbox("anna").messages == 0)
    try await house.expectSound()
  }

  @Test func nobodyReachesIntoAnothersMailbox() async throws {
    let house = try House()
    let (annas, filed) = try await filed(house)
    try await house.flow.mailboxes.prepare(account: "bert")
    let berts = try await house.mailbox("bert").id
    let mailboxes = house.flow.mailboxes
    let uids = UIDSet([filed.uid])
    await #expect(throws: MailboxError.self) {
      try await mailboxes.changeFlags(account: "bert", mailbox: annas, uids: uids, .add, .deleted)
    }
    await #expect(throws: MailboxError.self) { try await mailboxes.expunge(account: "bert", mailbox: annas) }
    await #expect(throws: MailboxError.self) {
      try await mailboxes.copy(account: "bert", from: annas, uids: uids, to: berts)
    }
    await #expect(throws: MailboxError.self) {
      try await mailboxes.move(account: "bert", from: annas, uids: uids, to: berts)
    }
    await #expect(throws: MailboxError.self) {
      try await mailboxes.copy(account: "anna", from: annas, uids: uids, to: berts)
    }
    #expect(try await house.mailbox("anna").messages == 1)
    #expect(try await house.mailbox("bert").messages == 0)
  }

  @Test func namesThatAreNone() async throws {
    let house = try House()
    let mailboxes = house.flow.mailboxes
    for name in ["", "a//b", "/a", "a/", "a\u{0}b", "a\nb", "\u{9b}x", String(repeating: "x", count: 1001)] {
      await #expect(throws: MailboxError.self) { try await mailboxes.create(account: "anna", name: name) }
    }
    for name in ["INBOX", "inbox", "Inbox"] {
      await #expect(throws: MailboxError.inboxStays) { try await mailboxes.create(account: "anna", name: name) }
      await #expect(throws: MailboxError.inboxStays) { try await mailboxes.delete(account: "anna", name: name) }
    }
    await #expect(throws: MailboxError.noSuchMailbox("Gone")) {
      try await mailboxes.delete(account: "anna", name: "Gone")
    }
    await #expect(throws: MailboxError.noSuchMailbox("Gone")) {
      try await mailboxes.rename(account: "anna", from: "Gone", to: "There")
    }
    _ = try await mailboxes.create(account: "anna", name: "Büro/Über 2026")
    #expect(try await house.mailbox("anna", "Büro").messages == 0)
  }

  @Test func expungeTakesOnlyWhatIsMarked() async throws {
    let house = try House()
    let (inbox, first) = try await filed(house)
    let (_, second) = try await filed(house)
    let mailboxes = house.flow.mailboxes
    _ = try await mailboxes.changeFlags(account: "anna", mailbox: inbox, uids: UIDSet([first.uid]), .add, .deleted)
    let expunged = try await mailboxes.expunge(account: "anna", mailbox: inbox)
    #expect(expunged.uids == UIDSet([first.uid]))
    #expect(try await house.store.read { try $0.entries(inbox, .all) }.map(\.uid) == [second.uid])
  }

  @Test func observersSeeWhatHappensInTheSameTransaction() async throws {
    struct Counter: MailboxObserver {
      func observe(_ event: MailboxEvent, in transaction: inout Transaction) throws {
        let word =
          switch event {
          case .filed: "filed"
          case .copied(_, _, _, _, let isMove): isMove ? "moved" : "copied"
          case .flagsChanged: "flags"
          }
        try transaction.setSetting("seen-\(word)", [1])
      }
    }
    let house = try House(observers: [Counter()])
    let (inbox, first) = try await filed(house)
    let (sent, trash) = (try await house.mailbox("anna", "Sent").id, try await house.mailbox("anna", "Trash").id)
    let mailboxes = house.flow.mailboxes
    _ = try await mailboxes.changeFlags(account: "anna", mailbox: inbox, uids: UIDSet([first.uid]), .add, .flagged)
    _ = try await mailboxes.copy(account: "anna", from: inbox, uids: UIDSet([first.uid]), to: sent)
    _ = try await mailboxes.move(account: "anna", from: inbox, uids: UIDSet([first.uid]), to: trash)
    for word in ["filed", "copied", "moved", "flags"] {
      #expect(try await house.store.read { try $0.setting("seen-\(word)") } == [1])
    }
  }
}
