internal import Message
internal import Platform
internal import Store

/// FETCH and UID FETCH (RFC 9051 §6.4.5).
///
///     uids ──slices──▶ rows of the store ──▶ response, message by message ──▶ connection, as fast as the client reads
///
/// A read transaction lasts for one slice of rows or one piece of a body; none is open while the client is waited for.
struct FetchCommand: SessionCommand {
  let request: FetchRequest

  func run(in session: Session) async throws -> Completion {
    let view = try session.requireView()
    var uids = try session.uids(request.set, isUID: request.isUID)
    if request.items.contains(.modSequence) { session.enableCondstore() }
    if let since = request.changedSince {
      uids = uids.intersection(try await session.changed(since: since, in: view.id))
    }
    if request.items.contains(.flags) {
      // Keywords that others have made since are announced before they are used.
      try await session.catchUp()
      session.writeNewKeywords()
    }
    var fetcher = Fetcher(session, view.id, FetchPlan(request.items, dialect: session.state.dialect))
    try await fetcher.markSeen(uids, isReadOnly: view.isReadOnly)
    try await fetcher.fetch(uids)
    try await session.catchUp()
    for (uid, modSeq) in fetcher.told { session.view?.markTold(CollectionOfOne(uid), upTo: modSeq) }
    if fetcher.metUnknownEncoding {
      return .no("A part has a transfer encoding that is not known", code: "UNKNOWN-CTE")
    }
    if fetcher.metNoLeaf { return .no("BINARY can be asked of parts that have no parts of their own", code: "CANNOT") }
    if !request.isUID, fetcher.count < uids.count {
      return .no("Some of the messages no longer exist", code: "EXPUNGEISSUED")
    }
    return .ok("That is all")
  }
}

extension Session {
  /// The messages with a greater mod-sequence.
  func changed(since: ModSeq, in mailbox: MailboxID) async throws -> UIDSet {
    let changes = try await services.store.read { try $0.changes(mailbox, since: since) }
    return UIDSet((changes?.changed ?? []).lazy.map(\.uid))
  }
}

/// Carries out one FETCH.
private struct Fetcher {
  let session: Session
  let mailbox: MailboxID
  let plan: FetchPlan
  /// Messages that were found.
  private(set) var count = 0
  /// The flags that the client has seen in answers, by their mod-sequence.
  private(set) var told: [(UID, ModSeq)] = []
  private(set) var metUnknownEncoding = false
  private(set) var metNoLeaf = false
  /// Messages that this FETCH has marked as seen.
  private var newlySeen = UIDSet()

  /// Bodies up to this size are read together with their rows.
  private static let smallBody = 65_536
  /// And at most so many octets of them at a time.
  private static let smallBodies = 1 << 20

  init(_ session: Session, _ mailbox: MailboxID, _ plan: FetchPlan) {
    self.session = session
    self.mailbox = mailbox
    self.plan = plan
  }

  /// Sets `\Seen` where the items do so (RFC 9051 §6.4.5), in one transaction, and only where it is not set.
  mutating func markSeen(_ uids: UIDSet, isReadOnly: Bool) async throws {
    guard plan.setsSeen, !isReadOnly, !uids.isEmpty else { return }
    let mailbox = mailbox
    let unseen = try await session.services.store.read { reader in
      UIDSet(try reader.entries(mailbox, uids).lazy.filter { !$0.flags.contains(.seen) }.map(\.uid))
    }
    guard !unseen.isEmpty else { return }
    do {
      newlySeen = try await session.services.flow.mailboxes.changeFlags(
        account: session.account, mailbox: mailbox, uids: unseen, .add, .seen
      ).changed
    } catch StoreError.diskFull {
      // The message can be read all the same.
    }
  }

  mutating func fetch(_ uids: UIDSet) async throws {
    var slice = UIDSet()
    var size = 0
    for range in uids.ranges {
      var lower = range.lowerBound
      while true {
        let upper = min(range.upperBound, lower + UInt32(min(plan.slice - size - 1, Int(range.upperBound - lower))))
        slice.insert(lower...upper)
        size += Int(upper - lower) + 1
        if size >= plan.slice {
          try await fetchSlice(slice)
          slice = UIDSet()
          size = 0
        }
        guard upper < range.upperBound else { break }
        lower = upper + 1
      }
    }
    if !slice.isEmpty { try await fetchSlice(slice) }
  }

  private mutating func fetchSlice(_ slice: UIDSet) async throws {
    var rest = slice
    while !rest.isEmpty {
      let rows = try await read(rest)
      for (row, body) in rows.read {
        let message = FetchedMessage(row, body: body, dialect: session.state.dialect, store: session.services.store)
        try await respond(message)
        try await session.sendIfMuch()
      }
      rest = rows.rest
    }
  }

  /// Rows with their small bodies, until enough octets have come together.
  private func read(_ uids: UIDSet) async throws -> (read: [(FetchedEntry, [UInt8]?)], rest: UIDSet) {
    let (mailbox, columns, readsBody) = (mailbox, plan.columns, plan.readsBody)
    return try await session.services.store.read { reader in
      let rows = try reader.fetch(mailbox, uids, columns)
      guard readsBody else { return (rows.map { ($0, nil) }, UIDSet()) }
      var result: [(FetchedEntry, [UInt8]?)] = []
      var total = 0
      for row in rows {
        if total > Self.smallBodies {
          return (result, UIDSet(rows[result.count...].lazy.map(\.entry.uid)))
        }
        var body: [UInt8]?
        if row.entry.size <= Self.smallBody, let content = try reader.content(row.entry.content) {
          body = try reader.body(content.body, from: 0, count: content.bodySize)
          total += content.bodySize
        }
        result.append((row, body))
      }
      return (result, UIDSet())
    }
  }

  // MARK: Responses

  private mutating func respond(_ message: FetchedMessage) async throws {
    let entry = message.row.entry
    guard let sequence = session.view?.sequence(of: entry.uid) else { return }
    count += 1
    var items = plan.items
    if newlySeen.contains(entry.uid) {
      // RFC 9051 §6.4.5: flags that a FETCH changes are told in it; RFC 7162 §3.1: with their mod-sequence.
      if !items.contains(.flags) { items.append(.flags) }
      if session.state.enabled.contains(.condstore), !items.contains(.modSequence) { items.append(.modSequence) }
    }
    // Everything that can fail comes before the first octet of the response.
    let prepared = try await prepare(items, of: message)
    session.writer.text("* \(sequence) FETCH (")
    for (index, item) in items.enumerated() {
      if index > 0 { session.writer.raw(" ") }
      try await write(item, prepared[index], of: message)
    }
    session.writer.raw(")")
    session.writer.endLine()
    // Flags with a keyword that was made only now were not told in full: they are told once more behind the answer.
    if items.contains(.flags), session.view?.keywords.cover(entry.flags) == true {
      told.append((entry.uid, entry.modSeq))
    }
  }

  /// What must be looked up for an item before its response can begin.
  private enum Prepared {
    case nothing
    case section(SectionContent?)
    case decoded(DecodedPart)
  }

  private func prepare(_ items: [FetchItem], of message: FetchedMessage) async throws -> [Prepared] {
    var result: [Prepared] = []
    for item in items {
      switch item {
      case .section(let section, let partial, _, _):
        result.append(.section(try await message.content(of: section)?.part(partial)))
      case .binary(let part, _, _), .binarySize(let part):
        result.append(.decoded(try await message.decodedPart(part)))
      default: result.append(.nothing)
      }
    }
    return result
  }

  private mutating func write(_ item: FetchItem, _ prepared: Prepared, of message: FetchedMessage) async throws {
    let entry = message.row.entry
    switch item {
    case .uid: session.writer.text("UID \(entry.uid)")
    case .modSequence: session.writer.text("MODSEQ (\(entry.modSeq))")
    case .flags: session.writeFlagsItem(entry.flags, uid: entry.uid)
    case .size: session.writer.text("RFC822.SIZE \(entry.size)")
    case .internalDate:
      let date = HeaderDate(entry.internalDate, offsetMinutes: entry.dateOffset)
      session.writer.text("INTERNALDATE \"\(date.internalDateText)\"")
    case .envelope:
      session.writer.raw("ENVELOPE ")
      session.writer.ready(message.envelopeText)
    case .bodyStructure:
      session.writer.raw("BODYSTRUCTURE ")
      session.writer.ready(message.bodyStructureText)
    case .body:
      session.writer.raw("BODY ")
      session.writer.ready(message.bodyText)
    case .section(let section, let partial, let name, _):
      session.writeName(section, name)
      if let partial { session.writer.text("<\(partial.first)>") }
      session.writer.raw(" ")
      guard case .section(let content?) = prepared else { return session.writer.raw("NIL") }
      session.writer.literalHead(size: content.size)
      try await send(content, of: message, keepingNUL: false)
    case .binary(let part, let partial, _): try await writeBinary(part, partial, prepared, of: message)
    case .binarySize(let part): writeBinarySize(part, prepared)
    }
  }

  private mutating func writeBinary(
    _ part: [UInt32], _ partial: Partial?, _ prepared: Prepared, of message: FetchedMessage
  ) async throws {
    guard case .decoded(let decoded) = prepared else { return }
    session.writer.text("BINARY[\(part.map(String.init).joined(separator: "."))]")
    if let partial { session.writer.text("<\(partial.first)>") }
    session.writer.raw(" ")
    switch decoded {
    case .missing: session.writer.raw("NIL")
    case .notLeaf:
      metNoLeaf = true
      session.writer.raw("NIL")
    case .unknownEncoding:
      metUnknownEncoding = true
      session.writer.raw("NIL")
    case .message(let content, let hasNUL):
      let content = content.part(partial)
      writeHead(size: content.size, hasNUL: hasNUL)
      try await send(content, of: message, keepingNUL: true)
    case .leaf(let leaf, let size, let hasNUL):
      let first = min(Int(clamping: partial?.first ?? 0), size)
      let count = min(Int(clamping: partial?.count ?? .max), size - first)
      writeHead(size: count, hasNUL: hasNUL)
      try await sendDecoded(leaf, first..<first + count, of: message)
    }
  }

  /// A literal8 only where there is a NUL: so the client can tell (RFC 9051 §7.5.2).
  private func writeHead(size: Int, hasNUL: Bool) {
    if hasNUL { session.writer.literal8Head(size: size) } else { session.writer.literalHead(size: size) }
  }

  private mutating func writeBinarySize(_ part: [UInt32], _ prepared: Prepared) {
    guard case .decoded(let decoded) = prepared else { return }
    session.writer.text("BINARY.SIZE[\(part.map(String.init).joined(separator: "."))] ")
    switch decoded {
    case .leaf(_, let size, _): session.writer.number(size)
    case .message(let content, _): session.writer.number(content.size)
    case .missing: session.writer.number(0)
    case .notLeaf:
      metNoLeaf = true
      session.writer.number(0)
    case .unknownEncoding:
      metUnknownEncoding = true
      session.writer.number(0)
    }
  }

  // MARK: Streaming

  /// Sends a section behind the head of its literal. A failure now leaves the client in the middle of a literal, from
  /// which there is no way back: the session ends.
  private func send(_ content: SectionContent, of message: FetchedMessage, keepingNUL: Bool) async throws {
    for segment in content.segments {
      switch segment {
      case .made(let octets): write(octets, keepingNUL)
      case .stored(let range):
        var position = range.lowerBound
        while position < range.upperBound {
          let piece = try await insideLiteral { try await message.piece(from: position, to: range.upperBound) }
          guard !piece.isEmpty else { throw incomplete() }
          position += piece.count
          write(piece, keepingNUL)
          try await session.sendIfMuch()
        }
      }
      try await session.sendIfMuch()
    }
  }

  private func sendDecoded(_ part: MIMEPart, _ wanted: Range<Int>, of message: FetchedMessage) async throws {
    guard var decoder = PartDecoder(part) else { throw incomplete() }
    var position = 0
    var sent = 0
    try await insideLiteral {
      try await message.decode(part, &decoder) { piece in
        let lower = min(max(wanted.lowerBound - position, 0), piece.count)
        let upper = min(max(wanted.upperBound - position, lower), piece.count)
        position += piece.count
        sent += upper - lower
        session.writer.raw(piece[lower..<upper])
        try await session.sendIfMuch()
      }
    }
    guard sent == wanted.count else { throw incomplete() }
  }

  private func write(_ octets: [UInt8], _ keepingNUL: Bool) {
    if keepingNUL { session.writer.raw(octets) } else { session.writer.ready(octets) }
  }

  private func insideLiteral<T>(_ work: () async throws -> T) async throws -> T {
    do {
      return try await work()
    } catch let error as StoreError {
      session.log.error("A message could not be read while it was being sent: \(error)")
      throw SessionEnd.silent
    }
  }

  private func incomplete() -> SessionEnd {
    session.log.error("A message in mailbox \(mailbox) is shorter than the store says: run postroom fsck")
    return .silent
  }
}

extension Session {
  /// `BODY[1.HEADER.FIELDS (DATE)]`: the section as the client named it.
  fileprivate func writeName(_ section: Section, _ name: FetchItem.SectionName) {
    if name == .rfc822 {
      switch section.text {
      case .header: return writer.raw("RFC822.HEADER")
      case .text: return writer.raw("RFC822.TEXT")
      default: return writer.raw("RFC822")
      }
    }
    var specifiers = section.part.map(String.init)
    var fieldNames: [[UInt8]] = []
    switch section.text {
    case nil: break
    case .header: specifiers.append("HEADER")
    case .text: specifiers.append("TEXT")
    case .mime: specifiers.append("MIME")
    case .fields(let names):
      specifiers.append("HEADER.FIELDS")
      fieldNames = names
    case .fieldsNot(let names):
      specifiers.append("HEADER.FIELDS.NOT")
      fieldNames = names
    }
    writer.text("BODY[\(specifiers.joined(separator: "."))")
    for (index, fieldName) in fieldNames.enumerated() {
      writer.raw(index == 0 ? " (" : " ")
      writer.astring(fieldName)
    }
    writer.raw(fieldNames.isEmpty ? "]" : ")]")
  }
}
