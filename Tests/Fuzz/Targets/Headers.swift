import MailFlow

@testable import Message

extension FuzzTarget {
  /// A header section: finding its fields, changing it, showing it, and taking out what only this house may say.
  static let header = FuzzTarget(
    "header",
    covers: [
      "Message/Header/HeaderSection.swift", "Message/Header/HeaderEditing.swift", "Message/Header/HeaderField.swift",
      "Message/Header/LineScan.swift", "Message/Header/HeaderWriter.swift", "Message/Header/MessageIdentifier.swift",
      "Message/IMAPText/EnvelopeText.swift", "Message/IMAPText/AddressText.swift",
      "Message/IMAPText/HeaderFields.swift",
      "Message/IMAPText/Downgrade.swift", "MailFlow/Acceptance/ArrivingHeader.swift",
    ],
    words: [
      "From: ", "To: ", "Cc: ", "Bcc: ", "Sender: ", "Reply-To: ", "Subject: ", "Date: ", "Message-ID: <a@b>",
      "In-Reply-To: <a@b> <c@d>",
      "References: ", "Content-Type: text/plain; name=\"ä\"", "Content-Disposition: attachment; filename=ä",
      "Return-Path: <a>",
      "Authentication-Results: mx.example.com", "X-Postroom-Rule: x", " :", "\r\n", "\n", "\r\n ", "\r\n\t", "\r\n\r\n",
      "\r", "ä", "=?utf-8?Q?a?=",
      "g: a@b, c@d;", "<@r:a@b>", "\"q\\\"\"", "(c)", "ü <ü@ü>", "é: é@b;",
    ],
    seeds: [
      "From: \"A\" <a@b>\r\nTo: g: c@d, e@f;, <@r:g@h>\r\nSubject: x\r\n y\r\nMessage-ID: <a@b>\r\n\r\nbody",
      "Subject: ä\nFrom: ü <ü@ü>\nTo: é: é@b;\nContent-Type: text/plain; name=\"ä\"; x=y z\nContent-Disposition: attachment; filename=ä\nX: ä\n\n",
      "Return-Path: <a>\r\nAuthentication-Results: (c) mx.example.com/1; x\r\nX-Postroom-Y: z\r\nAuthentication-Results: \"mx\\.example.com\"\r\nno field\r\n : y\r\n",
      "Sender:a@b\r\nReply-To:\r\nCc: a b c\r\nBcc: <>\r\nDate: x\r\nIn-Reply-To: <a> <b>\r\nReferences: <c>\r\n",
    ]
  ) { bytes in
    let header = HeaderSection(bytes)
    try require(bytes.starts(with: header.bytes), "the section is not the beginning of what it was read from")
    try require(header.removing { _ in false } == header.bytes, "fields and terminator are not the whole section")
    try require(HeaderSection(header.bytes).count == header.count, "the section is another one when it is read again")
    for field in header {
      try require(!field.unfolded.contains { $0 == 10 || $0 == 13 }, "an unfolded field has a line end")
      _ = field.text
      try require(MessageIdentifier.all(in: field.body).allSatisfy { $0.count > 2 }, "an empty message identifier")
      let shown = displayable(field.bytes, limit: 200)
      try require(shown.utf8.allSatisfy { $0 >= 32 && $0 != 127 }, "a control character is shown")
    }
    try checkEditing(header)
    try checkShowing(header)
    let names = ["MX.example.com", "example.com"]
    if let cleaned = ArrivingHeader.cleaned(header, hostnames: names) {
      let left = HeaderSection(cleaned)
      try require(left.count < header.count, "nothing was taken out")
      try require(ArrivingHeader.cleaned(left, hostnames: names) == nil, "something of ours was left in")
      try Planted.bug(where: left.count == header.count - 3 && header.contains { $0.isNamed("Authentication-Results") })
    } else {
      try require(
        !header.contains { $0.isNamed("return-path") || $0.isNamed("X-POSTROOM-RULE") }, "something of ours was left in"
      )
    }
  }

  private static func checkEditing(_ header: HeaderSection) throws {
    // Behind a section without an empty line, or whose last line has no end, more can be written.
    let longer = HeaderSection(header.appending(name: "X-New", value: "v"))
    try require(
      longer.first("X-New")?.unfolded == Array("v".utf8) || header.first("X-New") != nil,
      "an appended field is not there")
    try require(longer.count == header.count + 1, "appending made \(header.count) fields into \(longer.count)")
    let tagged = HeaderSection(header.tagging(name: "Subject", with: "[tag]"))
    try require(tagged.text("Subject")?.hasPrefix("[tag]") ?? false, "the tag is not in front")
    try require(
      tagged.count == max(header.count, header.first("Subject") == nil ? header.count + 1 : 0),
      "tagging changed the fields")
    let replaced = HeaderSection(header.replacing(name: "Subject", value: "new"))
    try require(replaced.text("Subject") == "new", "the new subject is \(replaced.text("Subject") ?? "nothing")")
    let before = HeaderSection(header.prepending(HeaderSection.field(name: "X-First", value: "v")))
    try require(before[0].isNamed("X-First"), "a prepended field is not the first")
    for field in header.prefix(20) {
      for line in [
        HeaderSection.field(name: "X", value: text(field.body)), HeaderSection.field(name: "X", text: text(field.body)),
      ] {
        try require(HeaderSection(line + [88, 58, 13, 10]).count == 2, "text from outside began a field of its own")
      }
    }
  }

  private static func checkShowing(_ header: HeaderSection) throws {
    for form in [TextForm.ascii, .utf8] {
      let envelope = header.envelopeText(form)
      try require(
        IMAPGrammar.isEnvelope(envelope, utf8: form == .utf8), "not an ENVELOPE: \(text(envelope.prefix(500)))")
    }
    let down = header.downgraded()
    try require(down.allSatisfy { $0 < 128 }, "a downgraded header is not ASCII")
    let names = ["subject", "FROM", "to"].map { Array($0.utf8) }
    let terminator = 2
    let parts = header.fields(names).count + header.fieldsNot(names).count
    try require(
      parts <= header.bytes.count + 2 * terminator + 2, "the fields asked for and the others are more than there are")
  }

  /// Address lists of header fields, addresses on their own, and what we write of them.
  static let addresses = FuzzTarget(
    "addresses",
    covers: [
      "Message/Address/AddressListParser.swift", "Message/Address/AddressList.swift", "Message/Address/AddrSpec.swift",
      "Message/Address/EmailAddress.swift", "Message/Text/StructuredText.swift",
    ],
    words: [
      "a@b.org", "<", ">", ",", ";", ":", "@", "\"", "\\", "(", ")", "[", "]", "[192.0.2.1]", "[IPv6:::1]",
      "<@a,@b:c@d>", "group: ",
      "\"q r\"@x", " . ", "é", "=?utf-8?Q?a?=", " ", "\r\n ",
    ],
    seeds: [
      "\"A, B\" <a@b.org> (c), g: c@d, <e@f>;, <@r,@s:\"qr\"@[192.0.2.1]>, x y z@w, é@é", "a b@c d@e <f@g> <h@i>",
      "a . b @ c . d (name)",
      "\"a\\\"b\"@[IPv6:::1]", "a@[IPv6:2001:db8::1]", "<>, , ;:",
    ]
  ) { bytes in
    let list = AddressList(bytes)
    try require(list.mailboxes.count <= AddressList.limit + 1, "there are \(list.mailboxes.count) addresses")
    for address in list.addresses + (EmailAddress(bytes: bytes).map { [$0] } ?? []) {
      try require(EmailAddress("\(address)") == address, "\(address) is another address when it is read again")
      try require(AddressList(address.bytes).addresses == [address], "\(address) is not found in a header")
      try Planted.bug(where: address.isAddressLiteral && address.localPart.contains(" ") && list.mailboxes.count > 1)
    }
    for mailbox in list.mailboxes {
      guard let name = mailbox.displayName else { continue }
      // No name may bring an address of its own into a field that we write.
      let written = AddressList(EncodedWord.encodePhrase(name) + Array(" <a@b.org>".utf8))
      try require(written.mailboxes.count == 1, "a display name became \(written.mailboxes.count) addresses: \(name)")
      try require(written.addresses.first?.description == "a@b.org", "a display name changed the address: \(name)")
    }
  }

  /// Received fields.
  static let received = FuzzTarget(
    "received", covers: ["Message/Header/ReceivedParser.swift", "Message/Header/ReceivedField.swift"],
    words: [
      "from ", "by ", "via ", "with ", "id ", "for ", "(", ")", "\"", "\\", "; ", "Fri, 21 Nov 1997 09:55:06 -0600",
      "<a@b>", "\r\n ", "[1.2.3.4]",
    ],
    seeds: [
      "from a.b (c.d [1.2.3.4]) by e.f\r\n with ESMTPS id 7 for <a@b>; Fri, 21 Nov 1997 09:55:06 -0600",
      "by \"x y\" via z (c; d) ; x",
    ]
  ) { bytes in
    let field = ReceivedField(bytes)
    for value in [field.from, field.by, field.via, field.with, field.id, field.for] {
      try require(value?.isEmpty != true, "a clause is empty")
      try require(value?.contains { $0 == 10 || $0 == 13 } != true, "a clause has a line end")
      try require((value?.count ?? 0) <= bytes.count * 2 + 2, "a clause grew")
    }
    try Planted.bug(where: field.via != nil && field.for != nil && field.date?.offsetMinutes == -360)
  }
}
