internal import Store

/// A selected mailbox as one client knows it: which message has which sequence number, and what the client has yet to be
/// told.
///
/// The store's history of the mailbox is one line of modification sequences. A view stands at one point of it and is
/// moved forward by ``takeIn(_:)``; ``updates(expunging:)`` then gives what the client may hear now. A message that was
/// removed keeps its sequence number until EXPUNGE may be said (RFC 9051 §7.5.1), so that no number ever shifts behind
/// the client's back. Clients may stand at different points for a while; the order in which they hear of changes is the
/// same for all.
struct MailboxView {
  /// One thing to tell the client, in the order of the list.
  enum Update: Equatable {
    case flagsList
    case expunge(sequence: Int)
    case exists(Int)
    case recent(Int)
    case flags(sequence: Int, EntryFlags)
  }

  let id: MailboxID
  let uidValidity: UInt32
  let isReadOnly: Bool
  /// By ascending UID: message n is `uids[n - 1]`.
  private(set) var uids: [UID]
  /// UIDs from here on have not been seen.
  private(set) var uidNext: UID
  /// Up to where the history has been taken in.
  private(set) var modSeq: ModSeq
  private(set) var keywords: Keywords
  /// Messages from this UID on are `\Recent` in this session (RFC 3501 §2.3.2).
  private(set) var recentFrom: UID
  /// The result of the last SEARCH RETURN (SAVE), `$` (RFC 5182 §2.1).
  private(set) var saved = UIDSet()

  private var pendingExpunges: [UID] = []
  private var pendingFlags: [UID: EntryFlags] = [:]
  private var toldMessages: Int
  private var toldRecent: Int
  private var toldKeywords: Keywords

  init(_ snapshot: MailboxSnapshot, recentFrom: UID, isReadOnly: Bool) {
    self.init(
      id: snapshot.mailbox.id, uidValidity: snapshot.mailbox.uidValidity, uids: snapshot.uids,
      uidNext: snapshot.mailbox.uidNext, modSeq: snapshot.mailbox.highestModSeq, keywords: snapshot.keywords,
      recentFrom: recentFrom, isReadOnly: isReadOnly)
  }

  init(
    id: MailboxID, uidValidity: UInt32, uids: [UID], uidNext: UID, modSeq: ModSeq, keywords: Keywords,
    recentFrom: UID, isReadOnly: Bool
  ) {
    self.id = id
    self.uidValidity = uidValidity
    self.uids = uids
    self.uidNext = uidNext
    self.modSeq = modSeq
    self.keywords = keywords
    self.recentFrom = recentFrom
    self.isReadOnly = isReadOnly
    toldMessages = uids.count
    toldKeywords = keywords
    toldRecent = 0
    toldRecent = recentCount
  }

  // MARK: Sequence numbers

  var count: Int { uids.count }

  var recentCount: Int { uids.count - lowerBound(of: recentFrom) }

  func isRecent(_ uid: UID) -> Bool { uid >= recentFrom }

  /// The sequence number of a message; nil if it is not in view.
  /// - Parameter guess: where it may be: behind the one before it.
  func sequence(of uid: UID, guess: Int = 0) -> Int? {
    if guess > 0, guess <= uids.count, uids[guess - 1] == uid { return guess }
    let index = lowerBound(of: uid)
    return index < uids.count && uids[index] == uid ? index + 1 : nil
  }

  /// The messages that a set of sequence numbers names. Nil if it names a number beyond the last message, for which the
  /// answer is BAD (RFC 9051 §9 `seq-number`).
  func uids(ofSequence set: SequenceSet) -> UIDSet? {
    let largest = UInt32(clamping: uids.count)
    if let highest = set.highest(largest: largest), highest > largest || largest == 0 { return nil }
    var result: [ClosedRange<UID>] = []
    for range in set.resolved(largest: largest) {
      appendRanges(of: uids[Int(range.lowerBound) - 1..<Int(range.upperBound)], to: &result)
    }
    let named = UIDSet(ranges: result)
    return set.includesSaved ? named.union(saved) : named
  }

  /// The same for a search, where numbers beyond the last message mean nothing.
  func uids(ofSequenceLeniently set: SequenceSet) -> UIDSet {
    let largest = UInt32(clamping: uids.count)
    let there = set.resolved(largest: largest).filter { $0.lowerBound <= largest && $0.upperBound > 0 }
    let named = there.flatMap { range in
      uids[Int(max(range.lowerBound, 1)) - 1..<Int(min(range.upperBound, largest))]
    }
    return set.includesSaved ? UIDSet(named).union(saved) : UIDSet(named)
  }

  /// The messages in view that a set of UIDs names; UIDs that are not there are left out (RFC 9051 §6.4.9).
  func uids(ofUIDs set: SequenceSet) -> UIDSet {
    var result: [ClosedRange<UID>] = []
    // RFC 9051 §9: `*` is the UID of the last message, or UIDNEXT in an empty mailbox.
    for range in set.resolved(largest: uids.last ?? uidNext) {
      appendRanges(of: slice(range), to: &result)
    }
    let named = UIDSet(ranges: result)
    return set.includesSaved ? named.union(saved) : named
  }

  /// Messages that follow each other, as few ranges: most mailboxes have long runs without a gap.
  private func appendRanges(of messages: ArraySlice<UID>, to result: inout [ClosedRange<UID>]) {
    guard let first = messages.first, let last = messages.last else { return }
    if Int(last - first) == messages.count - 1 {
      result.append(first...last)
    } else {
      var start = first
      var end = first
      for uid in messages.dropFirst() {
        if uid != end + 1 {
          result.append(start...end)
          start = uid
        }
        end = uid
      }
      result.append(start...end)
    }
  }

  /// The messages in view whose UIDs lie in a range.
  private func slice(_ range: ClosedRange<UID>) -> ArraySlice<UID> {
    let lower = lowerBound(of: range.lowerBound)
    let upper = range.upperBound == .max ? uids.count : lowerBound(of: range.upperBound + 1)
    return uids[lower..<max(lower, upper)]
  }

  private func lowerBound(of uid: UID) -> Int {
    var low = 0
    var high = uids.count
    while low < high {
      let middle = (low + high) / 2
      if uids[middle] < uid { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The sequence numbers of messages; those that are not in view are left out.
  func sequences(of set: UIDSet) -> [UInt32] {
    set.ranges.flatMap { range in
      slice(range).indices.map { UInt32(clamping: $0 + 1) }
    }
  }

  // MARK: History

  /// Moves the view forward.
  mutating func takeIn(_ changes: MailboxChanges) {
    takeIn(
      changed: changes.changed, expunged: changes.expunged, keywords: changes.keywords,
      uidNext: changes.mailbox.uidNext, modSeq: changes.mailbox.highestModSeq)
  }

  /// Takes in a change that the session itself has made, if it follows directly on what the view has. If not, it is left to be
  /// read with what came between.
  mutating func takeInOwn(
    _ modSeq: ModSeq, changed: [EntryFlags] = [], expunged: UIDSet = UIDSet(), keywords: Keywords? = nil,
    uidNext: UID? = nil
  ) {
    // A change that changed nothing has the number of somebody else's.
    guard modSeq == self.modSeq + 1, !changed.isEmpty || !expunged.isEmpty else { return }
    takeIn(
      changed: changed, expunged: expunged, keywords: keywords ?? self.keywords, uidNext: uidNext ?? self.uidNext,
      modSeq: modSeq)
  }

  mutating func takeIn(
    changed: [EntryFlags], expunged: UIDSet, keywords: Keywords, uidNext: UID, modSeq: ModSeq
  ) {
    for entry in changed {
      if entry.uid >= self.uidNext, entry.uid > uids.last ?? 0 {
        uids.append(entry.uid)
      } else if sequence(of: entry.uid) != nil {
        pendingFlags[entry.uid] = entry
      }
    }
    let gone = uids(in: expunged).filter { !isGone($0) }
    for uid in gone { pendingFlags[uid] = nil }
    pendingExpunges = (pendingExpunges + gone).sorted()
    self.keywords = keywords
    self.uidNext = max(self.uidNext, uidNext)
    self.modSeq = max(self.modSeq, modSeq)
  }

  private func uids(in set: UIDSet) -> [UID] {
    set.ranges.flatMap { slice($0) }
  }

  /// Whether a message is in view only because its EXPUNGE could not be told yet.
  func isGone(_ uid: UID) -> Bool {
    var low = 0
    var high = pendingExpunges.count
    while low < high {
      let middle = (low + high) / 2
      if pendingExpunges[middle] < uid { low = middle + 1 } else { high = middle }
    }
    return low < pendingExpunges.count && pendingExpunges[low] == uid
  }

  /// The client has heard, or has itself set, the flags that these messages got by one change.
  mutating func markTold(_ uids: some Sequence<UID>, upTo modSeq: ModSeq) {
    guard !pendingFlags.isEmpty else { return }
    for uid in uids {
      if let pending = pendingFlags[uid], pending.modSeq <= modSeq { pendingFlags[uid] = nil }
    }
  }

  /// Whether there are keywords that the client has not heard of; from then on it has.
  mutating func takeNewKeywords() -> Bool {
    defer { toldKeywords = keywords }
    return keywords != toldKeywords
  }

  /// What the client may be told now, which from then on counts as told.
  mutating func updates(expunging: Bool) -> [Update] {
    var updates: [Update] = []
    if takeNewKeywords() { updates.append(.flagsList) }
    if expunging, !pendingExpunges.isEmpty { updates.append(contentsOf: expungeUpdates()) }
    if uids.count != toldMessages {
      toldMessages = uids.count
      updates.append(.exists(uids.count))
    }
    if recentCount != toldRecent {
      toldRecent = recentCount
      updates.append(.recent(recentCount))
    }
    for uid in pendingFlags.keys.sorted() {
      guard let sequence = sequence(of: uid), let entry = pendingFlags[uid] else { continue }
      updates.append(.flags(sequence: sequence, entry))
    }
    pendingFlags.removeAll()
    return updates
  }

  /// From the highest number to the lowest, so that none changes before it is said.
  private mutating func expungeUpdates() -> [Update] {
    var updates: [Update] = []
    let gone = UIDSet(pendingExpunges)
    for uid in pendingExpunges.reversed() {
      if let sequence = sequence(of: uid) { updates.append(.expunge(sequence: sequence)) }
    }
    // A message that came and went while the client heard of neither is not announced by an EXPUNGE beyond EXISTS.
    let unannounced = updates.prefix { update in
      if case .expunge(let sequence) = update { sequence > toldMessages } else { false }
    }.count
    updates.removeFirst(unannounced)
    toldMessages -= updates.count
    uids.removeAll { gone.contains($0) }
    saved = saved.subtracting(gone)
    pendingExpunges.removeAll()
    // Only more recent messages are news.
    toldRecent = min(toldRecent, recentCount)
    return updates
  }

  /// Keeps the result of a search for `$`.
  mutating func save(_ result: UIDSet) { saved = result }
}
