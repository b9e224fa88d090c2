/// One account's mail as IMAP defines it: what any server must have after the same commands.
///
/// There are no mod-sequences here, only an order of changes, which ``ModelModSeqs`` compares with the numbers that the
/// server gives. UIDs are given out without gaps, as this server does; RFC 9051 §2.3.1.1 asks only that they ascend.
struct ModelMail {
  struct Message: Equatable {
    var uid: UInt32
    var flags: Set<String>
    /// The number of the message that was appended: text, size and date follow from it.
    var content: Int
    /// When it was made or its flags last changed.
    var changed: Int
  }

  struct Box {
    /// Once the server has told it.
    var uidValidity: UInt32?
    var uidNext: UInt32 = 1
    var messages: [Message] = []
    var modSeqs = ModelModSeqs()

    subscript(uid: UInt32) -> Message? {
      var low = 0
      var high = messages.count
      while low < high {
        let middle = (low + high) / 2
        if messages[middle].uid < uid { low = middle + 1 } else { high = middle }
      }
      return low < messages.count && messages[low].uid == uid ? messages[low] : nil
    }
  }

  var boxes: [String: Box] = [:]
  /// Counts the changes.
  private(set) var now = 0

  enum FlagChange: String, CaseIterable { case add = "+FLAGS", remove = "-FLAGS", replace = "FLAGS" }

  // MARK: Changes

  mutating func append(_ content: Int, flags: Set<String>, to name: String) -> UInt32 {
    now += 1
    return add(content, flags, to: name)
  }

  private mutating func add(_ content: Int, _ flags: Set<String>, to name: String) -> UInt32 {
    let uid = boxes[name, default: Box()].uidNext
    boxes[name]?.messages.append(Message(uid: uid, flags: flags, content: content, changed: now))
    boxes[name]?.uidNext += 1
    return uid
  }

  /// - Returns: the UIDs that were there and their copies.
  mutating func copy(
    _ uids: Set<UInt32>, from source: String, to destination: String, isMove: Bool
  ) -> (source: [UInt32], destination: [UInt32]) {
    let messages = boxes[source]?.messages.filter { uids.contains($0.uid) } ?? []
    guard !messages.isEmpty else { return ([], []) }
    now += 1
    let copies = messages.map { add($0.content, $0.flags, to: destination) }
    if isMove { boxes[source]?.messages.removeAll { message in messages.contains { $0.uid == message.uid } } }
    return (messages.map(\.uid), copies)
  }

  mutating func expunge(_ uids: Set<UInt32>?, in name: String) {
    now += 1
    boxes[name]?.messages.removeAll { $0.flags.contains("\\Deleted") && uids?.contains($0.uid) != false }
  }

  /// - Parameter unchangedSince: messages that changed later stay as they are, and are returned.
  mutating func store(
    _ change: FlagChange, _ flags: Set<String>, _ uids: Set<UInt32>, in name: String, unchangedSince: Int? = nil
  ) -> Set<UInt32> {
    now += 1
    var failed: Set<UInt32> = []
    guard var box = boxes[name] else { return [] }
    for index in box.messages.indices where uids.contains(box.messages[index].uid) {
      let message = box.messages[index]
      if let unchangedSince, message.changed > unchangedSince {
        failed.insert(message.uid)
        continue
      }
      let new = change.applied(to: message.flags, flags)
      guard new != message.flags else { continue }
      box.messages[index].flags = new
      box.messages[index].changed = now
    }
    boxes[name] = box
    return failed
  }
}

extension ModelMail.FlagChange {
  func applied(to old: Set<String>, _ flags: Set<String>) -> Set<String> {
    switch self {
    case .add: old.union(flags)
    case .remove: old.subtracting(flags)
    case .replace: flags
    }
  }
}

/// The mod-sequences of one mailbox that the server has told, by what they stand for: they must ascend with the changes and
/// never change themselves (RFC 7162 §3.1).
struct ModelModSeqs {
  /// By twice the number of the change; HIGHESTMODSEQ, told after a change, stands just behind it.
  private var told: [Int: UInt64] = [:]

  /// A change whose mod-sequence is known, at random.
  func anyChange(_ generator: inout SplitMix) -> (change: Int, modSeq: UInt64)? {
    let changes = told.keys.filter { $0.isMultiple(of: 2) }.sorted()
    return changes.randomElement(using: &generator).map { ($0 / 2, told[$0] ?? 0) }
  }

  func modSeq(of change: Int) -> UInt64? { told[2 * change] }

  /// The server told the mod-sequence of a message that last changed then.
  mutating func learn(_ modSeq: UInt64, of change: Int) throws(Mismatch) { try learn(modSeq, at: 2 * change) }

  /// The server told the highest mod-sequence after that change.
  mutating func learnHighest(_ modSeq: UInt64, after change: Int) throws(Mismatch) {
    try learn(modSeq, at: 2 * change + 1)
  }

  private mutating func learn(_ modSeq: UInt64, at key: Int) throws(Mismatch) {
    if let known = told[key] {
      return try Mismatch.unless(known == modSeq, "mod-sequence \(modSeq) of what had \(known) before")
    }
    for (other, value) in told {
      let (earlier, later) = other < key ? (value, modSeq) : (modSeq, value)
      let isHighest = !max(key, other).isMultiple(of: 2)
      try Mismatch.unless(
        isHighest ? earlier <= later : earlier < later,
        "mod-sequence \(earlier) for a change before the one that has \(later)")
    }
    told[key] = modSeq
  }
}

/// The messages that are appended, by their number.
struct ModelContent {
  static let words = ["amber", "beryl", "coral", "denim", "ebony"]
  let number: Int

  var word: String { Self.words[number % Self.words.count] }
  var subject: String { "Subject: Message \(number) \(word)\r\n" }
  var text: String { "Text \(number)\r\n" + String(repeating: "x\r\n", count: number % 7 * 30) }
  var octets: [UInt8] { Array("From: a@example.org\r\n\(subject)\r\n\(text)".utf8) }
  var size: Int { octets.count }
  /// As RFC 9051 §9 `date-time` has it.
  var date: String { "17-Jul-19\(80 + number % 20) 02:44:\(10 + number % 50) +0130" }
}
