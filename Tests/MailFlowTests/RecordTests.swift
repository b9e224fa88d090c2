import Message
import Platform
import Testing

@testable import MailFlow

@Suite struct RecordTests {
  @Test func recipientOptionsSurviveTheStore() {
    var options = RecipientOptions()
    options.notify = [.success, .delay]
    options.original = OriginalRecipient(type: "utf-8", address: "ünï@b.example")
    options.parent = 7
    options.deliveredTo = "staff@office.example"
    options.account = "anna"
    options.isDelayTold = true
    #expect(RecipientOptions(options.bytes) == options)
    #expect(RecipientOptions(RecipientOptions().bytes) == RecipientOptions())
  }

  @Test func neverAndAbsentAreDifferentWishes() {
    var options = RecipientOptions()
    options.notify = .never
    #expect(RecipientOptions(options.bytes).notify == .never)
    #expect(RecipientOptions().notify == nil)
    let address = EmailAddress("a@b.example")!
    #expect(!EnvelopeRecipient(address, notify: .never).wants(.failure))
    #expect(EnvelopeRecipient(address).wants(.failure))
    #expect(EnvelopeRecipient(address).wants(.delay))
    #expect(!EnvelopeRecipient(address).wants(.success))
  }

  @Test func damagedBytesAreReadAsFarAsTheyGo() {
    var options = RecipientOptions()
    options.notify = .failure
    options.account = "anna"
    let bytes = options.bytes
    for length in 0...bytes.count { _ = RecipientOptions(Array(bytes.prefix(length))) }
    for index in bytes.indices {
      for value: UInt8 in [0, 1, 0x7f, 0xff] {
        var damaged = bytes
        damaged[index] = value
        _ = RecipientOptions(damaged)
      }
    }
    #expect(RecipientOptions([1, 0xff, 0xff, 0xff, 0xff, 0]) == RecipientOptions())
  }

  @Test func unknownFieldsOfALaterVersionAreSkipped() {
    var fields = Fields()
    fields.add(200, "later")
    fields.add(6, "anna")
    #expect(RecipientOptions(fields.bytes).account == "anna")
  }
}

@Suite struct FingerprintTests {
  private let content = SHA256.hash(Array("body".utf8))

  private func envelope(_ from: String?, _ recipients: [String], account: String? = nil, peer: String = "192.0.2.1")
    -> Envelope
  {
    Envelope(
      origin: .mx, reversePath: from.flatMap { EmailAddress($0) },
      recipients: recipients.compactMap { EmailAddress($0) }.map { EnvelopeRecipient($0) },
      peer: Peer(address: IPAddress(peer), helo: ""), account: account, receivedAt: Moment(seconds: 0))
  }

  @Test func thePeerAndTheOrderOfRecipientsDoNotMatter() {
    let one = Fingerprint(envelope("a@b.example", ["x@c.example", "y@c.example"]), content: content)
    let two = Fingerprint(
      envelope("a@B.example", ["y@C.example", "x@c.example"], peer: "198.51.100.9"), content: content)
    #expect(one == two)
  }

  @Test func everythingElseMatters() {
    let base = Fingerprint(envelope("a@b.example", ["x@c.example"]), content: content)
    let others = [
      Fingerprint(envelope("A@b.example", ["x@c.example"]), content: content),
      Fingerprint(envelope(nil, ["x@c.example"]), content: content),
      Fingerprint(envelope("a@b.example", ["x@c.example", "y@c.example"]), content: content),
      Fingerprint(envelope("a@b.example", ["x@c.example", "x@c.example"]), content: content),
      Fingerprint(envelope("a@b.example", ["x@c.example"], account: "anna"), content: content),
      Fingerprint(envelope("a@b.example", ["x@c.example"]), content: SHA256.hash([1])),
    ]
    #expect(Set(others.map(\.short) + [base.short]).count == others.count + 1)
  }
}
