import Message
import Platform
import Store
import Testing

@testable import MailFlow

@Suite struct NotificationTests {
  @Test func successOnDeliveryIsToldInTheSameCommit() async throws {
    let house = try House()
    let envelope = try house.envelope(
      ["bert@office.example"], from: "anna@office.example", origin: .submission, notify: .success
    ) {
      $0.envelopeID = "QQ314159"
      $0.recipients[0].original = OriginalRecipient(type: "rfc822", address: "Bert@office.example")
    }
    let acceptance = await house.flow.accept(envelope, try await house.take())
    let id = try #require(acceptance.id)
    #expect(try await house.words(id, "told").hasPrefix("<anna@office.example>, by envelope "))
    let told = try await house.messages("anna")
    #expect(told.count == 1)
    let text = told.first ?? ""
    #expect(text.hasPrefix("Return-Path: <>\nDelivered-To: anna@office.example\n"))
    #expect(text.contains("multipart/report"))
    #expect(text.contains("Action: delivered"))
    #expect(text.contains("Original-Envelope-Id: QQ314159"))
    #expect(text.contains("Original-Recipient: rfc822;"))
    #expect(
      text.contains("Reporting-MTA: dns; mail.office.example")
        || text.contains("Reporting-MTA: dns;mail.office.example"))
    #expect(text.contains("Subject: Hello"), "the header of the message comes back")
    #expect(!text.contains("Good day."), "but not its body: nothing failed")
    try await house.expectSound()
  }

  @Test(arguments: [NotifyRequest.never, .failure, .standard, nil])
  func withoutSuccessInSoManyWordsNobodyIsTold(_ notify: NotifyRequest?) async throws {
    let house = try House()
    try await house.deliver(
      ["bert@office.example"], from: "anna@office.example", origin: .submission, notify: notify)
    #expect(try await house.messages("anna") == [])
  }

  @Test func mailFromOutsideTellsNobodyAndTheTraceSaysWhy() async throws {
    let house = try House()
    let id = try await house.deliver(["bert@office.example"], from: "anna@office.example", notify: .success)
    #expect(try await house.messages("anna") == [])
    #expect(try await house.words(id, "silent") == "no notice: sender not authenticated")
  }

  @Test func notificationsTellNobody() async throws {
    let house = try House()
    let id = try await house.deliver(["bert@office.example"], from: nil, origin: .submission, notify: .success)
    #expect(try await house.words(id, "silent").contains("no sender"))
    #expect(try await house.store.read { try $0.envelopes(matching: TraceQuery()) }.count == 1)
  }

  @Test func aSenderElsewhereIsToldThroughTheQueue() async throws {
    let house = try House()
    try await house.deliver(
      ["bert@office.example"], from: "friend@elsewhere.example", origin: .submission, notify: .success)
    let waiting = try await house.store.read { try $0.waiting(QueueFilter()) }
    #expect(waiting.count == 1)
    #expect(waiting.first?.envelope.sender == nil)
    #expect(waiting.first?.envelope.origin == "notification")
    #expect(waiting.first?.recipient.address == "friend@elsewhere.example")
    #expect(waiting.first.flatMap { EnvelopeRecipient($0.recipient)?.notify } == .never)
  }

  @Test func aSenderWhoIsNobodyIsNotTold() async throws {
    let house = try House()
    let id = try await house.deliver(
      ["bert@office.example"], from: "gone@office.example", origin: .submission, notify: .success)
    #expect(try await house.words(id, "silent").contains("5.1.1"))
  }

  @Test func anExpansionIsToldAsOne() async throws {
    let house = try House()
    let group = try #require(EmailAddress("staff@office.example"))
    let anna = try #require(EmailAddress("anna@office.example"))
    let bert = try #require(EmailAddress("bert@office.example"))
    try house.leads(
      "staff@office.example",
      to: .expand([
        Child(address: anna, fate: .deliver(try house.filing("anna")), through: group),
        Child(address: bert, fate: .deliver(try house.filing("bert")), through: group),
      ]))
    try await house.deliver(
      ["staff@office.example"], from: "anna@office.example", origin: .submission, notify: .success)
    let told = try await house.messages("anna").filter { $0.contains("multipart/report") }
    #expect(told.count == 1)
    #expect(told[0].contains("Action: expanded"))
    #expect(!told[0].contains("Action: delivered"))
    #expect(!told[0].contains("bert@"), "the members are the group's business")
  }

  /// A notification says what to do, whatever the code.
  @Test(arguments: [
    "5.1.1", "5.2.2", "5.2.0", "5.3.4", "5.4.7", "5.4.4", "5.6.3", "5.7.1", "5.0.0", "5.5.0", "nonsense",
  ])
  func adviceIsASentence(_ status: String) {
    let advice = NotificationText.advice(status)
    #expect(advice.hasSuffix(".") && advice.count > 20)
  }
}
