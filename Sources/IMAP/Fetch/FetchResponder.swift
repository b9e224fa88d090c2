internal import MailFlow
internal import Message
internal import Platform
internal import Store

/// What a slice of a FETCH came to: responses in the order of the messages, ready to be sent. What is too large to be held is
/// told by its place, and read while it is being sent.
struct FetchedSlice: Sendable {
  enum Piece: Sendable {
    case octets([UInt8])
    /// A range of a stored message.
    case stored(ContentID, PrefixID?, Range<Int>, keepingNUL: Bool)
    /// A range of a part out of its transfer encoding; the part lies at a range of the message.
    case decoded(ContentID, PrefixID?, MIMEPart, at: Range<Int>, wanted: Range<Int>)
  }

  fileprivate(set) var pieces: [Piece] = []
  /// Messages that were found.
  fileprivate(set) var count = 0
  /// The flags that the client sees in the answers, by their mod-sequence.
  fileprivate(set) var told: [(UID, ModSeq)] = []
  /// Messages that were read from their contents for want of a card.
  fileprivate(set) var withoutCard: [UID] = []
  /// What the slice did not come to.
  fileprivate(set) var rest = UIDSet()
  fileprivate(set) var metUnknownEncoding = false
  fileprivate(set) var metNoLeaf = false
}

/// Writes the responses of a FETCH, message by message, on a thread of the store and inside its read transaction: a row goes
/// from the database into the text that is sent, without a stop.
struct FetchResponder: Sendable {
  let flow: MailFlow
  let plan: FetchPlan
  let view: MailboxView
  let enabled: SessionState.Enabled
  /// Messages that this FETCH has marked as seen.
  let newlySeen: UIDSet

  /// Sections up to this size are read with their message.
  static let small = 65_536
  /// Octets that are read and written before a slice ends: what a session holds while its client takes it.
  private static let budget = 65_536

  func slice(_ uids: UIDSet, _ reader: borrowing Reader) throws -> FetchedSlice {
    var output = Output(plan.dialect)
    let seenPlan = newlySeen.isEmpty ? plan : plan.tellingFlags(modSequence: enabled.contains(.condstore))
    let isForCards = !plan.columns.isEmpty && plan.columns.isSubset(of: [.envelope, .bodyStructure, .listedFields])
    let work = flow.watchReading()
    defer { work.end(.fetch) }
    var read = 0
    var next = 1
    try reader.fetch(view.id, uids, plan.columns) { row in
      guard read + output.size < Self.budget else {
        output.slice.rest = uids.intersection(UIDSet(row.entry.uid...UID.max))
        return false
      }
      if isForCards, row.content != nil { output.slice.withoutCard.append(row.entry.uid) }
      guard let sequence = view.sequence(of: row.entry.uid, guess: next) else { return true }
      next = sequence + 1
      let isOpaque = flow.isOpaque(row.entry.content)
      work.begin(.fetch, content: row.entry.content.value)
      var message = FetchedMessage(row, mailbox: view.id, dialect: plan.dialect, isOpaque: isOpaque)
      if !isOpaque { plantedTrap(.fetch, in: (try? message.headerOctets(reader)) ?? []) }
      let plan = newlySeen.contains(row.entry.uid) ? seenPlan : plan
      try respond(sequence, plan, &message, reader, &output)
      read += message.octetsRead
      return true
    }
    output.endPiece()
    return output.slice
  }

  private struct Output {
    var writer: ResponseWriter
    var slice = FetchedSlice()
    private var ended = 0

    init(_ dialect: MailboxName.Encoding) { writer = ResponseWriter(dialect) }

    /// Octets in all pieces.
    var size: Int { ended + writer.octets.count }

    /// What was written comes before what is added to the pieces next.
    mutating func endPiece() {
      let octets = writer.take()
      ended += octets.count
      if !octets.isEmpty { slice.pieces.append(.octets(octets)) }
    }
  }

  private func respond(
    _ sequence: Int, _ plan: FetchPlan, _ message: inout FetchedMessage, _ reader: borrowing Reader,
    _ output: inout Output
  ) throws {
    output.slice.count += 1
    output.writer.raw("* ")
    output.writer.number(sequence)
    output.writer.raw(" FETCH (")
    for (index, item) in plan.items.enumerated() {
      if index > 0 { output.writer.raw(" ") }
      output.writer.raw(item.name)
      try write(item, &message, reader, &output)
    }
    output.writer.raw(")\r\n")
    // Flags with a keyword that was made only now were not told in full: they are told once more behind the answer.
    if plan.tellsFlags, view.keywords.cover(message.row.entry.flags) {
      output.slice.told.append((message.row.entry.uid, message.row.entry.modSeq))
    }
  }

  private func write(
    _ item: FetchPlan.Item, _ message: inout FetchedMessage, _ reader: borrowing Reader, _ output: inout Output
  ) throws {
    let entry = message.row.entry
    switch item.item {
    case .uid: output.writer.number(entry.uid)
    case .modSequence:
      output.writer.raw("(")
      output.writer.number(entry.modSeq)
      output.writer.raw(")")
    case .flags: output.writer.flags(entry.flags, of: entry.uid, in: view, enabled)
    case .size: output.writer.number(entry.size)
    case .internalDate:
      let date = HeaderDate(entry.internalDate, offsetMinutes: entry.dateOffset)
      output.writer.text("\"\(date.internalDateText)\"")
    case .envelope: output.writer.ready(try message.envelopeText(reader))
    case .bodyStructure: output.writer.ready(try message.bodyStructureText(reader))
    case .body: output.writer.ready(try message.bodyText(reader))
    case .section(let section, let partial, _, _):
      guard let content = try message.content(of: section, item.filter, reader)?.part(partial) else {
        return output.writer.raw("NIL")
      }
      output.writer.literalHead(size: content.size)
      try write(content, &message, reader, &output, keepingNUL: false)
    case .binary(let part, let partial, _):
      try writeBinary(try message.decodedPart(part, reader), partial, &message, reader, &output)
    case .binarySize(let part): writeBinarySize(try message.decodedPart(part, reader), &output)
    }
  }

  /// A section behind the head of its literal.
  private func write(
    _ content: SectionContent, _ message: inout FetchedMessage, _ reader: borrowing Reader, _ output: inout Output,
    keepingNUL: Bool
  ) throws {
    for segment in content.segments {
      switch segment {
      case .made(let octets):
        if keepingNUL { output.writer.raw(octets) } else { output.writer.ready(octets) }
      case .stored(let range) where range.count <= Self.small:
        let before = output.writer.octets.count
        try message.read(range, reader) { output.writer.raw($0) }
        guard output.writer.octets.count - before == range.count else {
          throw StoreError.damaged(
            "message \(message.row.entry.uid) of mailbox \(view.id) is shorter than it should be")
        }
        if !keepingNUL, message.hasNUL { output.writer.replaceNUL(from: before) }
      case .stored(let range):
        output.endPiece()
        let entry = message.row.entry
        output.slice.pieces.append(.stored(entry.content, entry.prefix, range, keepingNUL: keepingNUL))
      }
    }
  }

  private func writeBinary(
    _ decoded: DecodedPart, _ partial: Partial?, _ message: inout FetchedMessage, _ reader: borrowing Reader,
    _ output: inout Output
  ) throws {
    switch decoded {
    case .missing: output.writer.raw("NIL")
    case .notLeaf:
      output.slice.metNoLeaf = true
      output.writer.raw("NIL")
    case .unknownEncoding:
      output.slice.metUnknownEncoding = true
      output.writer.raw("NIL")
    case .message(let content, let hasNUL):
      let content = content.part(partial)
      output.writer.binaryHead(size: content.size, hasNUL: hasNUL)
      try write(content, &message, reader, &output, keepingNUL: true)
    case .leaf(let leaf):
      let first = min(Int(clamping: partial?.first ?? 0), leaf.size)
      let wanted = first..<first + min(Int(clamping: partial?.count ?? .max), leaf.size - first)
      output.writer.binaryHead(size: wanted.count, hasNUL: leaf.hasNUL)
      if let octets = leaf.octets {
        output.writer.raw(octets[wanted])
      } else {
        output.endPiece()
        let entry = message.row.entry
        output.slice.pieces.append(.decoded(entry.content, entry.prefix, leaf.part, at: leaf.place, wanted: wanted))
      }
    }
  }

  private func writeBinarySize(_ decoded: DecodedPart, _ output: inout Output) {
    switch decoded {
    case .leaf(let leaf): output.writer.number(leaf.size)
    case .message(let content, _): output.writer.number(content.size)
    case .missing: output.writer.raw("0")
    case .notLeaf:
      output.slice.metNoLeaf = true
      output.writer.raw("0")
    case .unknownEncoding:
      output.slice.metUnknownEncoding = true
      output.writer.raw("0")
    }
  }
}

extension ResponseWriter {
  /// A literal8 only where there is a NUL: so the client can tell (RFC 9051 §7.5.2).
  fileprivate mutating func binaryHead(size: Int, hasNUL: Bool) {
    if hasNUL { literal8Head(size: size) } else { literalHead(size: size) }
  }
}
