internal import Message
internal import Platform
internal import Store

/// What two transmissions of one message have in common (RFC 1047): the envelope, and the content as received.
struct Fingerprint: Sendable, Hashable {
  /// SHA-256 over reverse-path, recipients, account and content.
  let bytes: [UInt8]

  /// The store's short form. Equal short forms are checked by the long one.
  var short: Int64 { Int64(bitPattern: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }) }

  init(_ envelope: Envelope, content: [UInt8]) {
    let digest = SHA256()
    // Each part ends in a NUL, which no address has, so that parts cannot run into each other.
    func add(_ text: String) {
      digest.update(Array(text.utf8))
      digest.update([0])
    }
    add(envelope.reversePath.map(Self.key) ?? "")
    for address in envelope.recipients.map({ Self.key($0.address) }).sorted() { add(address) }
    add("")
    add(envelope.account ?? "")
    digest.update(content)
    bytes = digest.finish()
  }

  private static func key(_ address: EmailAddress) -> String { "\(address.localPart)@\(address.domainKey)" }

  /// Only mail that came over SMTP can be sent twice by a client that missed the reply.
  static func applies(to origin: Origin) -> Bool {
    switch origin {
    case .mx, .submission, .device, .local: true
    case .notification, .append: false
    }
  }
}

extension Transaction {
  /// The envelope that was accepted with this fingerprint and whose reply the client most likely never saw.
  func repeated(_ fingerprint: Fingerprint) throws -> EnvelopeID? {
    guard let earlier = try earlier(fingerprint: fingerprint.short), earlier.reply == .lost,
      let stored = try envelope(earlier.id), Envelope.fingerprint(in: stored.options) == fingerprint.bytes
    else { return nil }
    return earlier.id
  }
}
