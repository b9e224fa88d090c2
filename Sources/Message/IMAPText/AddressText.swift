/// Address structures of an ENVELOPE: name, route, mailbox, host (RFC 3501 §7.4.2).
enum AddressText {
  /// A host of NIL would begin a group, so an address without a domain gets one that belongs to nobody (RFC 6858
  /// §2.1 uses `.invalid` so too).
  static let missingDomain = Array("missing-domain.invalid".utf8)

  static func write(_ entries: [AddressList.Entry], to writer: inout IMAPWriter) {
    if entries.isEmpty {
      writer.raw("NIL")
      return
    }
    writer.raw("(")
    for entry in entries {
      switch entry {
      case .mailbox(let mailbox): write(mailbox, to: &writer)
      case .group(let name, let members):
        writer.raw("(NIL NIL ")
        writer.string(writer.form == .utf8 ? name : Downgrade.text(name))
        writer.raw(" NIL)")
        for member in members { write(member, to: &writer) }
        writer.raw("(NIL NIL NIL NIL)")
      }
    }
    writer.raw(")")
  }

  private static func write(_ original: HeaderMailbox, to writer: inout IMAPWriter) {
    let mailbox = writer.form == .utf8 ? original : Downgrade.mailbox(original)
    writer.raw("(")
    writer.nstring(mailbox.name)
    writer.space()
    writer.nstring(mailbox.route)
    writer.space()
    writer.string(mailbox.localPart)
    writer.space()
    writer.string(mailbox.domain.isEmpty ? missingDomain : mailbox.domain)
    writer.raw(")")
  }
}
