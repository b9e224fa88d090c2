import Message
import Platform
import Store
import Synchronization
import Testing

@testable import MailFlow

@Suite struct IntakeTests {
  private let peer = IPAddress("192.0.2.1")
  private let small = Array("From: a@b.example\r\nX: \r\n folded\r\n\r\nbody\r\n\r\nmore\r\n".utf8)

  private func take(_ house: House, _ bytes: [UInt8], step: Int, peer: IPAddress? = nil) async throws -> ReceivedContent
  {
    let intake = try house.flow.beginIntake(origin: .mx, peer: peer)
    var position = 0
    while position < bytes.count {
      let end = min(position + step, bytes.count)
      await intake.append(bytes[position..<end])
      position = end
    }
    return try await intake.finish()
  }

  private func all(_ content: ReceivedContent) async throws -> [UInt8] {
    var result = content.header.bytes
    while result.count < content.size {
      result += try await content.body.bytes(from: result.count - content.header.bytes.count, count: 100_000)
    }
    return result
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func howTheBytesComeDoesNotMatter(_ step: Int) async throws {
    let house = try House()
    let content = try await take(house, small, step: step)
    #expect(String(decoding: content.header.bytes, as: UTF8.self) == "From: a@b.example\r\nX: \r\n folded\r\n\r\n")
    #expect(content.body.size == 14)
    #expect(content.size == small.count)
    #expect(try await all(content) == small)
    #expect(content.body.hash == SHA256.hash(Array("body\r\n\r\nmore\r\n".utf8)))
    #expect(content.hash == (try await take(house, small, step: 5)).hash)
    #expect(content.isParsed)
  }

  /// Behind so many fields a second From or a forged Authentication-Results would not be seen by anybody of ours.
  @Test(arguments: ["\r\nbody", "", "\r\n"])
  func aFloodOfHeaderFieldsIsRefused(_ ending: String) async throws {
    let house = try House()
    let flood = Array((String(repeating: "a:\r\n", count: 10_000) + "From: forged@b.example\r\n" + ending).utf8)
    let error = await #expect(throws: IntakeError.self) { try await take(house, flood, step: 4096) }
    guard case .refused(let answer) = error else { throw try #require(error) }
    #expect(answer.code == 552)
    let most = Array((String(repeating: "a:\r\n", count: 10_000) + ending).utf8)
    #expect(try await take(house, most, step: 4096).header.count == 10_000)
  }

  @Test func contentWithoutABodyOrWithoutAnythingIsContent() async throws {
    let house = try House()
    for text in ["", "\r\n", "Subject: x\r\n", "Subject: x", "no field at all"] {
      let content = try await take(house, Array(text.utf8), step: 3)
      #expect(try await all(content) == Array(text.utf8))
      #expect(content.body.size == 0)
    }
  }

  @Test(arguments: [(262_144, 65_536), (262_145, 4096), (700_001, 100_000), (1_200_000, 1_000_000)])
  func largeBodiesAreStagedAndComeBack(_ size: Int, _ step: Int) async throws {
    let house = try House()
    let header = Array("Subject: large\r\n\r\n".utf8)
    let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let content = try await take(house, header + body, step: step)
    #expect(content.body.size == size)
    #expect(content.body.hash == SHA256.hash(body))
    #expect(try await all(content) == header + body)
    let acceptance = await house.flow.accept(try house.envelope(["bert@office.example"]), content)
    #expect(acceptance.id != nil)
    let inbox = try await house.mailbox("bert").id
    let entries = try await house.store.read { try $0.entries(inbox, .all) }
    let entry = try #require(entries.first)
    let message = try #require(try await house.store.open(entry.content, prefix: entry.prefix))
    var stored: [UInt8] = []
    for try await piece in message.pieces() { stored += piece }
    #expect(stored.suffix(header.count + size).elementsEqual(header + body))
    #expect(house.flow.staging.total == 0, "its share was given back")
    try await house.expectSound()
  }

  @Test func whatIsAbandonedLeavesNothing() async throws {
    let house = try House()
    do {
      let intake = try house.flow.beginIntake(origin: .mx, peer: peer)
      await intake.append([UInt8](repeating: 10, count: 600_000))
      #expect(house.flow.staging.total == 600_000)
      intake.abandon()
      intake.abandon()
      #expect(house.flow.staging.total == 0)
      await #expect(throws: IntakeError.self) { try await intake.finish() }
    }
    do {
      let forgotten = try house.flow.beginIntake(origin: .mx, peer: peer)
      await forgotten.append([UInt8](repeating: 10, count: 600_000))
    }
    #expect(house.flow.staging.total == 0)
    do {
      let content = try await take(house, [UInt8](repeating: 10, count: 600_000), step: 100_000)
      #expect(content.size == 600_000)
    }
    #expect(house.flow.staging.total == 0, "a content that nobody accepts is dropped")
    // Dropping is the writer's business; after a write of our own it has happened.
    try await house.deliver(["anna@office.example"])
    try await house.expectSound()
  }

  @Test func tooMuchIsSwallowedAndThenRefused() async throws {
    let house = try House(text: "message-size = \"64 KiB\"")
    let intake = try house.flow.beginIntake(origin: .mx, peer: peer)
    for _ in 0..<100 { await intake.append([UInt8](repeating: 65, count: 10_000)) }
    #expect(house.flow.staging.total < 70_000)
    await #expect {
      try await intake.finish()
    } throws: { error in
      guard case .refused(let answer)? = error as? IntakeError else { return false }
      return answer.code == 552 && answer.enhanced == "5.3.4"
    }
    #expect(house.flow.staging.total == 0)
    #expect(throws: IntakeError.self) {
      try house.flow.beginIntake(origin: .mx, peer: peer, declaredSize: 65_537)
    }
  }

  @Test func anEndlessHeaderIsRefused() async throws {
    let house = try House()
    let intake = try house.flow.beginIntake(origin: .mx, peer: peer)
    let line = Array("X-Filler: yes, and on and on it goes\r\n".utf8)
    for _ in 0..<(Intake.headerLimit / line.count + 10) { await intake.append(line) }
    #expect(intake.refusal != nil)
    await #expect(throws: IntakeError.self) { try await intake.finish() }
  }

  @Test func stagingIsBoundedForOnePeer() async throws {
    let house = try House(text: "staging = \"128 MiB\"\nstaging-per-address = \"64 MiB\"")
    let limit = 64 << 20
    let intake = try house.flow.beginIntake(origin: .mx, peer: peer)
    let share = house.flow.staging.share(of: peer)
    #expect(share.take(limit - 1000))
    await intake.append([UInt8](repeating: 65, count: 1001))
    #expect(intake.refusal == .refused(.noRoom))
    #expect(throws: IntakeError.self) {
      try house.flow.beginIntake(origin: .mx, peer: peer, declaredSize: 2000)
    }
    _ = try house.flow.beginIntake(origin: .mx, peer: IPAddress("192.0.2.2"), declaredSize: 2000)
    share.release()
  }

  /// Its sender may take very long to come to the end.
  @Test(arguments: [UInt8(ascii: "\n"), UInt8(ascii: "A")])
  func aRefusedMessageGivesItsRoomBackAtOnce(_ octet: UInt8) async throws {
    let house = try House()
    let budget = StagingBudget(
      limits: { .init(total: 1 << 20, perPeer: 1 << 20, reserve: 0) }, freeSpace: { 1 << 40 })
    let intake = Intake(store: house.store, share: budget.share(of: peer), sizeLimit: 600_000)
    await intake.append([UInt8](repeating: octet, count: 500_000))
    #expect(budget.total == 500_000)
    await intake.append([UInt8](repeating: 65, count: 100_001))
    #expect(intake.refusal != nil && budget.total == 0)
    await intake.append([UInt8](repeating: 65, count: 100_001))
    #expect(budget.total == 0, "it goes on swallowing")
    await #expect(throws: IntakeError.self) { try await intake.finish() }
  }

  @Test func aDiskThatFillsMeanwhileKeepsItsReserve() async throws {
    let house = try House()
    let free = Mutex(10 << 20)
    let budget = StagingBudget(
      limits: { .init(total: 1 << 30, perPeer: 1 << 30, reserve: 9 << 20) }, freeSpace: { free.withLock { $0 } })
    #expect(budget.hasRoom(for: 1 << 20, from: peer))
    let intake = Intake(store: house.store, share: budget.share(of: peer), sizeLimit: 1 << 30)
    await intake.append([UInt8](repeating: 10, count: 300_000))
    #expect(intake.refusal == nil)
    free.withLock { $0 = 9 << 20 }
    await intake.append([UInt8](repeating: 10, count: 300_000))
    #expect(intake.refusal == .refused(.noRoom))
    #expect(budget.total == 0)
    await #expect(throws: IntakeError.refused(.noRoom)) { try await intake.finish() }
  }
}
