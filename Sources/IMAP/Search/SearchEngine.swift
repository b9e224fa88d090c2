internal import MailFlow
internal import Message
internal import Platform
internal import Store

/// Runs a search over a mailbox on the store's reader threads.
///
/// Exact, without an index: the entries of all candidates first, then in parallel the header sections, then the bodies, of
/// those that are not decided yet, in slices that hold a reader for some milliseconds each.
struct SearchEngine: Sendable {
  let flow: MailFlow
  let mailbox: MailboxID
  let program: SearchProgram
  let recentFrom: UID

  /// One match.
  struct Match: Sendable {
    let uid: UID
    let modSeq: ModSeq
  }

  private var store: Store { flow.store }

  private static let entriesAtATime = 5000
  private static let headersAtATime = 100
  /// Octets of bodies that one slice reads before it lets others have the reader.
  private static let octetsAtATime = 4 << 20
  /// Slices at the same time: one reader is left to the others.
  private static let parallel = 2

  /// The matches among these messages, by ascending UID.
  func run(_ uids: UIDSet) async throws -> [Match] {
    let wanted = program.candidates.map { uids.intersection($0) } ?? uids
    var matches: [Match] = []
    var undecided: [UID] = []
    for slice in wanted.slices(of: Self.entriesAtATime) {
      let (decided, rest) = try await searchEntries(slice)
      matches += decided
      undecided += rest
    }
    matches += try await searchContents(undecided)
    return matches.sorted { $0.uid < $1.uid }
  }

  private func searchEntries(_ uids: UIDSet) async throws -> ([Match], [UID]) {
    try await store.read { reader in
      let keywords = try reader.keywords(mailbox)
      var matches: [Match] = []
      var undecided: [UID] = []
      for entry in try reader.entries(mailbox, uids) {
        switch program.matches(known(entry, keywords)) {
        case .yes: matches.append(Match(uid: entry.uid, modSeq: entry.modSeq))
        case .unknown: undecided.append(entry.uid)
        case .no: break
        }
      }
      return (matches, undecided)
    }
  }

  private func known(_ entry: Entry, _ keywords: Keywords) -> SearchProgram.Known {
    SearchProgram.Known(entry: entry, keywords: keywords, isRecent: entry.uid >= recentFrom)
  }

  private func searchContents(_ uids: [UID]) async throws -> [Match] {
    guard !uids.isEmpty else { return [] }
    // A search of very many texts takes fewer messages at a time, so that a slice stays short.
    let count = max(1, Self.headersAtATime * 10 / (10 + program.texts))
    let slices = stride(from: 0, to: uids.count, by: count).map { start in
      UIDSet(uids[start..<min(start + count, uids.count)])
    }
    return try await withThrowingTaskGroup(of: [Match].self) { group in
      var matches: [Match] = []
      for (index, slice) in slices.enumerated() {
        if index >= Self.parallel, let more = try await group.next() { matches += more }
        group.addTask { try await searchSlice(slice) }
      }
      for try await more in group { matches += more }
      return matches
    }
  }

  private func searchSlice(_ uids: UIDSet) async throws -> [Match] {
    var matches: [Match] = []
    var rest = uids
    while !rest.isEmpty {
      let wanted = rest
      let (found, left) = try await store.read { reader in try searchRows(wanted, reader) }
      matches += found
      rest = left
    }
    return matches
  }

  /// Searches messages until enough octets have been read; those that are left come back.
  private func searchRows(_ uids: UIDSet, _ reader: borrowing Reader) throws -> ([Match], UIDSet) {
    let keywords = try reader.keywords(mailbox)
    let needsBody = !program.needles.isEmpty
    let rows = try reader.fetch(mailbox, uids, needsBody ? [.header, .structure] : .header)
    var matches: [Match] = []
    var octets = 0
    let work = flow.watchReading()
    defer { work.end(.search) }
    for (index, row) in rows.enumerated() {
      if octets > Self.octetsAtATime { return (matches, UIDSet(rows[index...].lazy.map(\.entry.uid))) }
      var message = known(row.entry, keywords)
      if flow.isOpaque(row.entry.content) {
        // Nothing may be looked at: no text is found in it.
        message.header = HeaderSection([])
        message.found = BodySearch(program.needles).found
        if program.matches(message) == .yes { matches.append(Match(uid: row.entry.uid, modSeq: row.entry.modSeq)) }
        continue
      }
      work.begin(.search, content: row.entry.content.value)
      plantedTrap(.search, in: row.columns.header)
      let header = HeaderSection(row.prefix + row.columns.header)
      message.header = header
      var answer = program.matches(message)
      if answer == .unknown {
        octets += row.entry.size
        message.found = try searchBody(row, header, reader)
        answer = program.matches(message)
      }
      if answer == .yes { matches.append(Match(uid: row.entry.uid, modSeq: row.entry.modSeq)) }
    }
    return (matches, UIDSet())
  }

  private func searchBody(
    _ row: FetchedEntry, _ header: HeaderSection, _ reader: borrowing Reader
  ) throws -> [(body: Bool, headers: Bool)] {
    var search = BodySearch(program.needles)
    guard let content = try reader.content(row.entry.content) else { return search.found }
    let structure =
      MIMEStructure(encoded: row.columns.structure) ?? .opaque(bodySize: content.bodySize)
    var failure: (any Error)?
    search.search(header: header, structure: structure) { range in
      guard failure == nil, range.lowerBound >= 0, range.upperBound <= content.bodySize else { return [] }
      do {
        return try reader.body(content.body, from: range.lowerBound, count: range.count)
      } catch {
        failure = error
        return []
      }
    }
    if let failure { throw failure }
    return search.found
  }
}

extension UIDSet {
  /// The same UIDs in sets of at most `count` each.
  func slices(of count: Int) -> [UIDSet] {
    var result: [UIDSet] = []
    var current = UIDSet()
    var size = 0
    for range in ranges {
      var lower = range.lowerBound
      while true {
        let upper = lower + UInt32(clamping: Swift.min(count - size - 1, Int(range.upperBound - lower)))
        current.insert(lower...upper)
        size += Int(upper - lower) + 1
        if size >= count {
          result.append(current)
          current = UIDSet()
          size = 0
        }
        guard upper < range.upperBound else { break }
        lower = upper + 1
      }
    }
    if size > 0 { result.append(current) }
    return result
  }
}
