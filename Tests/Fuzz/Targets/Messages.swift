@testable import Message

extension FuzzTarget {
  /// A whole message: its header, its parts, and all that is told of them. A first octet of 0xFF sets small limits.
  static let mime = FuzzTarget(
    "mime",
    covers: [
      "Message/MIME/MIMEScanner.swift", "Message/MIME/MIMETree.swift", "Message/MIME/DelimiterLine.swift",
      "Message/MIME/PartHeader.swift", "Message/MIME/MIMEStructure+Sections.swift",
      "Message/IMAPText/BodyStructureText.swift",
      "Message/Header/HeaderCollector.swift",
    ],
    words: [
      "Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: multipart/digest; boundary=\"c d\"\r\n",
      "Content-Type: message/rfc822\r\n", "Content-Type: message/global\r\n", "Content-Type: text/plain; charset=x\r\n",
      "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: 8bit\r\n",
      "Content-Disposition: attachment; filename=a\r\n",
      "Content-ID: <a>\r\n", "Content-MD5: x\r\n", "Content-Language: de, en\r\n", "Content-Location: x\r\n",
      "Content-Description: ä\r\n",
      "\r\n--b\r\n", "\r\n--b--\r\n", "\r\n--c d\r\n", "\r\n--c d--\r\n", "\r\n\r\n", "\n\n", "--", "\u{0}",
      "Subject: =?utf-8?Q?a?=\r\n",
      "From: a <b@c>\r\n", "; name*0*=utf-8''%61", "; name*1=b", "(c)",
    ],
    seeds: [
      "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain; charset=x\r\n\r\na\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n--b--\r\nepilogue\r\n",
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/digest; boundary=\"c d\"\n\n--c d\n\nFrom: a <b@c>\n\nx\n--c d--\n--b--\n",
      "Subject: x\r\n\r\nplain\r\n",
      "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==\r\n",
    ]
  ) { bytes in
    var limits = MIMEScanner.Limits()
    var message = bytes
    if bytes.first == 0xff {
      message.removeFirst()
      (limits.depth, limits.parts, limits.partHeader, limits.partHeaders, limits.envelopes) = (3, 6, 80, 200, 150)
    }
    let header = HeaderSection(message)
    let body = Array(message[header.bytes.count...])
    let structure = MIMEScanner.scan(header: header, body: body[...], limits: limits)
    for longest in [1, 30] {
      var scanner = MIMEScanner(header: header, limits: limits)
      for piece in pieces(body, longest: longest) { scanner.append(piece) }
      try require(scanner.finish() == structure, "the structure depends on how the body was split")
    }
    try checkSound(structure, bodySize: body.count)
    try checkTexts(structure)
    try require(
      MIMEStructure(encoded: structure.encoded()) == structure, "the structure is another one out of the store")
    try Planted.bug(
      where: structure.parts.contains { part in
        part.kind == .message && part.parent.map { structure.parts[$0].parent != nil } == true
          && structure.parts.count > 5
      })
  }

  static func checkSound(_ structure: MIMEStructure, bodySize: Int) throws {
    for (index, part) in structure.parts.enumerated() {
      try require(
        part.header.lowerBound >= 0 && part.body.upperBound <= bodySize, "part \(index) is outside of the body")
      for child in part.children {
        let inner = structure.parts[child]
        try require(inner.parent == index && child > index, "part \(child) does not know its parent")
        try require(
          inner.header.lowerBound >= part.body.lowerBound && inner.body.upperBound <= part.body.upperBound,
          "part \(child) is outside of its parent")
      }
    }
    _ = structure.attachments
    var last = 0
    for range in structure.headersToDowngrade {
      try require(range.lowerBound >= last && range.upperBound <= bodySize, "headers to downgrade overlap")
      last = range.upperBound
    }
  }

  /// What clients hear of a structure is what the grammar of RFC 9051 allows, and sections lie within the body.
  static func checkTexts(_ structure: MIMEStructure) throws {
    for form in [TextForm.ascii, .utf8] {
      for isExtended in [false, true] {
        let body = structure.bodyStructureText(extended: isExtended, form)
        try require(
          IMAPGrammar.isBody(body, extended: isExtended, utf8: form == .utf8),
          "not BODYSTRUCTURE: \(text(body.prefix(500)))")
      }
    }
    for path in [[], [1], [2], [1, 1], [2, 1], [1, 2, 1], [0], [3, 1, 1]] {
      for kind in [MIMEStructure.SectionKind.whole, .header, .text, .mime] {
        guard let section = structure.section(path, kind) else { continue }
        try require(section.body.upperBound <= structure.bodySize, "section \(path) is outside of the body")
      }
    }
  }

  /// A structure as the store has it, damaged in any way.
  static let structures = FuzzTarget(
    "structures", covers: ["Message/MIME/MIMEStructure+Encoding.swift", "Message/MIME/CompactBytes.swift"],
    words: ["\u{1}", "\u{0}", "\u{2}", "\u{7f}", "text", "plain", "BASE64"],
    seeds: [
      text(
        scan(
          "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Language: de\r\n\r\na\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nx: y\r\n\r\n"
        ).encoded()),
      text(scan("Content-Disposition: attachment; filename=a\r\nContent-ID: <x>\r\n\r\nbody").encoded()),
    ]
  ) { bytes in
    guard let structure = MIMEStructure(encoded: bytes) else { return }
    try require(
      structure.parts.allSatisfy { $0.body.upperBound <= structure.bodySize }, "a part is outside of the body")
    try require(MIMEStructure(encoded: structure.encoded()) == structure, "the structure is not stable")
    _ = structure.bodyStructureText(extended: true)
    _ = structure.attachments
    _ = structure.section([2, 1], .mime)
    try Planted.bug(where: structure.parts.count > 1 && structure.parts[1].languages.count > 1)
  }

  private static func scan(_ message: String) -> MIMEStructure {
    let header = HeaderSection(Array(message.utf8))
    return MIMEScanner.scan(header: header, body: Array(message.utf8)[header.bytes.count...])
  }

  /// Content-Type, Content-Disposition, Content-Language, Content-Transfer-Encoding, and their parameters.
  static let mimeFields = FuzzTarget(
    "mime-fields",
    covers: [
      "Message/MIME/MIMEFieldParser.swift", "Message/MIME/ParameterDecoder.swift",
      "Message/MIME/ParameterContinuations.swift",
      "Message/MIME/MIMEParameters.swift", "Message/Codec/TransferEncoding+Parsing.swift",
    ],
    words: [
      "text/plain", "multipart/mixed", "attachment", "; filename=", "; filename*=", "; filename*0=", "; filename*0*=",
      "; filename*1=",
      "; filename*1*=", "; filename*10*=", "utf-8''", "iso-8859-1'de'", "%e4", "%", "\"", "\\\"", "=?utf-8?Q?a?=",
      "(c)", ";", " ", "charset=",
      "base64", "quoted-printable", "de, en",
    ],
    seeds: [
      "text/plain; filename*0*=utf-8''%61; filename*1=b",
      "attachment; filename=a b c; x=(c)y; filename*=x'y'z",
      "de, (c) en", "\"base64\" (c)", "inline; filename*1*=%62; filename*0*=iso-8859-1'de'%e4",
    ]
  ) { bytes in
    var lists: [[MIMEParameter]] = []
    if let type = ContentType(bytes) {
      try require(!type.type.isEmpty && !type.subtype.isEmpty, "a type without a name")
      try require(type.matches(type.type.uppercased(), type.subtype.lowercased()), "a type does not match itself")
      _ = (type.name, type.charset)
      lists.append(type.parameters)
    }
    if let disposition = ContentDisposition(bytes) {
      _ = disposition.isAttachment
      lists.append(disposition.parameters)
    }
    for parameters in lists {
      try require(parameters.count <= 100, "there are \(parameters.count) parameters")
      for parameter in parameters {
        try require(!parameter.value.contains { $0 == 10 || $0 == 13 }, "a value has a line end")
      }
      let name = parameters.decodedValue("filename")
      try require((name?.utf8.count ?? 0) <= bytes.count * 4 + 16, "a file name grew")
      let joined = parameters.joiningContinuations()
      try require(joined.count <= parameters.count, "joined parameters are more than they were")
      try Planted.bug(where: name == "ab" && parameters.count > 2)
    }
    try require(MIMEFieldParser.languages(bytes).allSatisfy { !$0.isEmpty }, "an empty language")
    _ = TransferDecoder(TransferEncoding(bytes))
  }
}
