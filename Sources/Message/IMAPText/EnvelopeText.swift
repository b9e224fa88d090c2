extension HeaderSection {
  /// The ENVELOPE of a message with this header, in parentheses (RFC 3501 §7.4.2, RFC 9051 §7.5.2). Always valid
  /// grammar, whatever the header has. If ``has8Bit`` is false, both forms are the same.
  public func envelopeText(_ form: TextForm = .ascii) -> [UInt8] {
    // One pass: a hostile header may have a hundred thousand fields.
    var fields = EnvelopeFields()
    for field in self { fields.take(field) }
    var writer = IMAPWriter(form)
    fields.write(to: &writer)
    return writer.bytes
  }
}

/// The fields of a header of which an ENVELOPE is made.
private struct EnvelopeFields {
  private var date: [UInt8]?
  private var subject: [UInt8]?
  private var inReplyTo: [UInt8]?
  private var messageID: [UInt8]?
  private var lists: [String: [AddressList.Entry]] = [:]

  private static let addressNames = ["from", "sender", "reply-to", "to", "cc", "bcc"]
  /// The longest of all these names.
  private static let nameLimit = 11

  mutating func take(_ field: HeaderField) {
    guard field.name.count <= EnvelopeFields.nameLimit else { return }
    let name = String(decoding: ASCII.lowercased(field.name), as: UTF8.self)
    switch name {
    case "date": date = date ?? field.unfolded
    case "subject": subject = subject ?? field.unfolded
    case "in-reply-to": inReplyTo = inReplyTo ?? field.unfolded
    case "message-id": messageID = messageID ?? field.unfolded
    case "to", "cc", "bcc":
      // RFC 5322 §4.5.3: several fields of destinations are read as one.
      let room = AddressList.limit - (lists[name]?.count ?? 0)
      if room > 0 { lists[name, default: []] += AddressList(field.body).entries.prefix(room) }
    case "from", "sender", "reply-to":
      if lists[name] == nil { lists[name] = AddressList(field.body).entries }
    default: break
    }
  }

  func write(to writer: inout IMAPWriter) {
    writer.raw("(")
    writer.nstring(shown(date, in: writer.form))
    writer.space()
    writer.nstring(writer.form == .utf8 ? subject : subject.map(Downgrade.text))
    let from = lists["from"] ?? []
    for name in EnvelopeFields.addressNames {
      writer.space()
      var entries = lists[name] ?? []
      // RFC 3501 §7.4.2: absent or empty, they are the same as From.
      if entries.isEmpty, name == "sender" || name == "reply-to" { entries = from }
      AddressText.write(entries, to: &writer)
    }
    writer.space()
    writer.nstring(shown(inReplyTo, in: writer.form))
    writer.space()
    writer.nstring(shown(messageID, in: writer.form))
    writer.raw(")")
  }

  /// RFC 6858 §2.4: what cannot be shown as it is, and is neither a subject nor an address, is left out.
  private func shown(_ value: [UInt8]?, in form: TextForm) -> [UInt8]? {
    form == .ascii && value?.contains { $0 >= 128 } ?? false ? nil : value
  }
}
