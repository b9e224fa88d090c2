extension Transaction {
  /// Changes flags of the messages of a set that are there.
  /// - Parameters:
  ///   - flags: system flags; keyword bits are ignored.
  ///   - keywords: words. Unknown ones are added to the mailbox, except by `.remove`.
  ///   - unchangedSince: messages with a higher modification sequence fail, and stay as they are (RFC 7162 §3.1.3).
  public mutating func changeFlags(
    _ mailbox: MailboxID, _ uids: UIDSet, _ change: FlagChange, _ flags: Flags, keywords: [String] = [],
    unchangedSince: ModSeq? = nil
  ) throws -> FlagsChanged {
    var row = try core.existingMailbox(mailbox)
    let bits = flags.intersection(.system).union(
      keywords.isEmpty ? [] : try keywordBits(keywords, of: mailbox, adding: change != .remove))
    let next = row.highestModSeq + 1
    var entries: [EntryFlags] = []
    var changed: [UID] = []
    var failed: [UID] = []
    for entry in try rows.flags(mailbox, uids) {
      if let unchangedSince, entry.modSeq > unchangedSince {
        failed.append(entry.uid)
        continue
      }
      let new = entry.flags.applying(change, bits)
      guard new != entry.flags else {
        entries.append(entry)
        continue
      }
      entries.append(EntryFlags(uid: entry.uid, flags: new, modSeq: next))
      changed.append(entry.uid)
      row.recount(from: entry.flags, to: new)
    }
    let changedSet = UIDSet(changed)
    if !changed.isEmpty {
      row.highestModSeq = next
      row.lastChange = next
      for range in changedSet.ranges { try updateFlags(mailbox, range, change, bits, modSeq: next) }
      try core.setMailbox(row)
    }
    return FlagsChanged(
      modSeq: row.highestModSeq, entries: entries, changed: changedSet, failed: UIDSet(failed),
      keywords: try rows.keywords(mailbox))
  }

  private func updateFlags(
    _ mailbox: MailboxID, _ range: ClosedRange<UID>, _ change: FlagChange, _ bits: Flags, modSeq: ModSeq
  ) throws {
    let kept: Flags =
      switch change {
      case .add: Flags(rawValue: .max)
      case .remove: Flags(rawValue: .max).subtracting(bits)
      case .replace: []
      }
    try database.run(
      "UPDATE entry SET flags = (flags & ?) | ?, modseq = ? WHERE mailbox = ? AND uid BETWEEN ? AND ?",
      .int(kept.rawValue), .int(change == .remove ? 0 : bits.rawValue), .int(modSeq), .id(mailbox),
      .int(range.lowerBound), .int(range.upperBound))
  }

  // MARK: Keywords

  /// The bits of some words in a mailbox.
  /// - Parameter adding: whether unknown words get a bit; otherwise they count as none.
  func keywordBits(_ words: [String], of mailbox: MailboxID, adding: Bool) throws -> Flags {
    var known = try rows.keywords(mailbox)
    // The known ones first: nothing of this call may be freed by it.
    var bits = words.compactMap { known.number(of: $0) }.reduce(into: Flags()) { $0.formUnion(.keyword($1)) }
    for word in words {
      if adding, known.number(of: word) == nil {
        let number = try freeKeyword(in: &known, of: mailbox, sparing: bits)
        try database.run("INSERT INTO keyword VALUES(?, ?, ?)", .id(mailbox), .int(number), .text(word))
        known.names[number] = word
        bits.formUnion(.keyword(number))
      }
    }
    return bits
  }

  /// A free number; when all are taken, those are freed that no message has, except some.
  private func freeKeyword(in known: inout Keywords, of mailbox: MailboxID, sparing: Flags) throws -> Int {
    if let free = known.names.firstIndex(of: nil) { return free }
    if known.names.count < Flags.keywordLimit {
      known.names.append(nil)
      return known.names.count - 1
    }
    var used = sparing
    for entry in try rows.flags(mailbox, .all) { used.formUnion(entry.flags) }
    for number in known.names.indices where !used.contains(.keyword(number)) {
      try database.run("DELETE FROM keyword WHERE mailbox = ? AND number = ?", .id(mailbox), .int(number))
      known.names[number] = nil
    }
    guard let free = known.names.firstIndex(of: nil) else { throw StoreError.tooManyKeywords(mailbox) }
    return free
  }

  /// How the flags of copied entries read in another mailbox.
  func keywordTranslation(
    _ entries: [Entry], from source: MailboxID, to destination: MailboxID
  ) throws -> (Flags) -> Flags {
    let used = entries.reduce(into: Flags()) { $0.formUnion($1.flags) }.intersection(.keywords)
    guard source != destination, !used.isEmpty else { return { $0 } }
    let known = try rows.keywords(source)
    // All in one call, so that none is freed for another.
    _ = try keywordBits(known.words(in: used), of: destination, adding: true)
    let there = try rows.keywords(destination)
    let pairs = used.keywordNumbers.compactMap { number -> (Flags, Flags)? in
      guard number < known.names.count, let word = known.names[number] else { return nil }
      return there.number(of: word).map { (.keyword(number), .keyword($0)) }
    }
    return { flags in
      pairs.reduce(into: flags.intersection(.system)) { if flags.contains($1.0) { $0.formUnion($1.1) } }
    }
  }
}

extension Flags {
  func applying(_ change: FlagChange, _ bits: Flags) -> Flags {
    switch change {
    case .add: union(bits)
    case .remove: subtracting(bits)
    case .replace: bits
    }
  }
}
