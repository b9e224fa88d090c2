extension MIMEStructure {
  /// The BODYSTRUCTURE (`extended`) or BODY of the message, in parentheses (RFC 3501 §7.4.2, RFC 9051 §7.5.2).
  /// Always valid grammar. If ``has8BitHeaders`` is false, both forms are the same.
  public func bodyStructureText(extended: Bool, _ form: TextForm = .ascii) -> [UInt8] {
    var text = BodyStructureText(structure: self, isExtended: extended, writer: IMAPWriter(form))
    text.body(0)
    return text.writer.bytes
  }
}

/// Writes `body` of the formal syntax. Recursion is bounded by the scanner's limit on depth.
private struct BodyStructureText {
  let structure: MIMEStructure
  let isExtended: Bool
  var writer: IMAPWriter

  /// Of an embedded message whose header was too long to be looked at: an envelope may be empty, but not NIL.
  private static let emptyEnvelope = HeaderSection([]).envelopeText()

  mutating func body(_ index: Int) {
    let part = structure.parts[index]
    writer.raw("(")
    if part.kind == .multipart { multipart(part) } else { single(part) }
    writer.raw(")")
  }

  private mutating func multipart(_ part: MIMEPart) {
    for child in part.children { body(child) }
    writer.space()
    writer.string(part.type.subtype)
    guard isExtended else { return }
    writer.space()
    parameters(part.type.parameters)
    dispositionLanguageLocation(part)
  }

  private mutating func single(_ part: MIMEPart) {
    writer.string(part.type.type)
    writer.space()
    writer.string(subtype(part))
    writer.space()
    parameters(part.type.parameters)
    writer.space()
    writer.nstring(shown(part.id))
    writer.space()
    writer.nstring(shown(part.contentDescription))
    writer.space()
    writer.string(part.encoding.name)
    writer.space()
    writer.number(part.body.count)
    if part.kind == .message, let child = part.children.first {
      writer.space()
      writer.raw(structure.parts[child].envelope?.text(writer.form) ?? BodyStructureText.emptyEnvelope)
      writer.space()
      body(child)
    }
    if part.kind == .message || part.type.matches("text") {
      writer.space()
      writer.number(part.lines)
    }
    guard isExtended else { return }
    writer.space()
    writer.nstring(shown(part.md5))
    dispositionLanguageLocation(part)
  }

  /// A message/global is announced to conventional clients as what they will get: a downgraded message/rfc822.
  private func subtype(_ part: MIMEPart) -> String {
    part.kind == .message && writer.form == .ascii ? "rfc822" : part.type.subtype
  }

  private mutating func dispositionLanguageLocation(_ part: MIMEPart) {
    writer.space()
    if let disposition = part.disposition {
      writer.raw("(")
      writer.string(disposition.kind)
      writer.space()
      parameters(disposition.parameters)
      writer.raw(")")
    } else {
      writer.raw("NIL")
    }
    writer.space()
    languages(part.languages)
    writer.space()
    writer.nstring(shown(part.location))
  }

  private mutating func languages(_ tags: [[UInt8]]) {
    if tags.count < 2 {
      writer.nstring(tags.first)
      return
    }
    writer.raw("(")
    for (position, tag) in tags.enumerated() {
      if position > 0 { writer.space() }
      writer.string(tag)
    }
    writer.raw(")")
  }

  private mutating func parameters(_ all: [MIMEParameter]) {
    let parameters = all.joiningContinuations().filter { shown($0.value) != nil }
    if parameters.isEmpty {
      writer.raw("NIL")
      return
    }
    writer.raw("(")
    for (position, parameter) in parameters.enumerated() {
      if position > 0 { writer.space() }
      writer.string(parameter.name)
      writer.space()
      writer.string(parameter.value)
    }
    writer.raw(")")
  }

  /// RFC 6858 §2.2 and §2.4: what is not ASCII is left out for conventional clients.
  private func shown(_ value: [UInt8]?) -> [UInt8]? {
    writer.form == .ascii && value?.contains { $0 >= 128 } ?? false ? nil : value
  }
}
