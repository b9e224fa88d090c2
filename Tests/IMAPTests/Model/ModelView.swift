/// What one client knows of the mailbox that it has selected, from nothing but the server's words, and the rules that these
/// words must obey.
///
/// The rules, with the mail as it was before the command and as it is after it:
/// - a sequence number means the same message until an EXPUNGE shifts it (RFC 9051 §7.5.1), and no EXPUNGE comes during
///   FETCH, STORE and SEARCH with sequence numbers;
/// - after each command the client has been told of every message that is there;
/// - the flags that it has been told, or has set itself, are those that the message has.
struct ModelView {
  let box: String
  let isReadOnly: Bool
  let isRev2: Bool
  /// Message n is `uids[n - 1]`.
  private(set) var uids: [UInt32] = []
  /// The flags of the messages of which the client knows them.
  var flags: [UInt32: Set<String>] = [:]
  /// What `* FLAGS` has announced.
  private(set) var words: Set<String> = []
  /// `$` (RFC 5182).
  var saved: Set<UInt32> = []

  init(box: String, isReadOnly: Bool, isRev2: Bool) {
    self.box = box
    self.isReadOnly = isReadOnly
    self.isRev2 = isRev2
  }

  func sequence(of uid: UInt32) -> Int? { uids.firstIndex(of: uid).map { $0 + 1 } }

  /// One FETCH response, its items by name.
  struct Fetched {
    var uid: UInt32
    var items: [String: ModelAnswer.Value]
  }

  /// Takes in the untagged responses of one answer; gives its FETCH responses.
  mutating func takeIn(
    _ answer: ModelAnswer, before: ModelMail, after: inout ModelMail, allowsExpunge: Bool
  ) throws(Mismatch) -> [Fetched] {
    var fetched: [Fetched] = []
    for response in answer.untagged {
      switch (response.name, response.number) {
      case ("EXISTS", let count?): try takeIn(exists: count, after)
      case ("EXPUNGE", let number?): try takeIn(expunge: number, after, isAllowed: allowsExpunge)
      case ("RECENT", let count?):
        try Mismatch.unless(!isRev2, "RECENT after ENABLE IMAP4rev2")
        try Mismatch.unless(count <= uids.count, "\(count) RECENT of \(uids.count)")
      case ("FLAGS", nil): words = Set(response.words.dropFirst().first?.list?.compactMap(\.text) ?? [])
      case ("FETCH", let number?):
        fetched.append(try takeIn(fetch: number, response.words.last, before: before, after: &after))
      default: break
      }
    }
    return fetched
  }

  private mutating func takeIn(exists count: Int, _ mail: ModelMail) throws(Mismatch) {
    let new = mail.boxes[box]?.messages.map(\.uid).drop { $0 <= uids.last ?? 0 } ?? []
    try Mismatch.unless(
      (uids.count...uids.count + new.count).contains(count),
      "\(count) EXISTS, where \(uids.count) were known and \(new.count) are new")
    uids.append(contentsOf: new.prefix(count - uids.count))
  }

  private mutating func takeIn(expunge number: Int, _ mail: ModelMail, isAllowed: Bool) throws(Mismatch) {
    try Mismatch.unless(isAllowed, "EXPUNGE during a command with sequence numbers")
    try Mismatch.unless(uids.indices.contains(number - 1), "\(number) EXPUNGE of \(uids.count)")
    let uid = uids.remove(at: number - 1)
    try Mismatch.unless(mail.boxes[box]?[uid] == nil, "EXPUNGE of UID \(uid), which is there")
    flags[uid] = nil
    saved.remove(uid)
  }

  private mutating func takeIn(
    fetch number: Int, _ list: ModelAnswer.Value?, before: ModelMail, after: inout ModelMail
  ) throws(Mismatch) -> Fetched {
    try Mismatch.unless(uids.indices.contains(number - 1), "\(number) FETCH, of \(uids.count) messages")
    let uid = uids[number - 1]
    var items: [String: ModelAnswer.Value] = [:]
    let values = list?.list ?? []
    for index in stride(from: 0, to: values.count - 1, by: 2) {
      items[values[index].text?.uppercased() ?? ""] = values[index + 1]
    }
    if let told = items["UID"]?.text {
      try Mismatch.unless(told == "\(uid)", "message \(number) has UID \(told), and had \(uid)")
    }
    let states = [after.boxes[box]?[uid], before.boxes[box]?[uid]].compactMap { $0 }
    if let told = items["FLAGS"]?.list {
      let told = Set(told.compactMap(\.text))
      try Mismatch.unless(!isRev2 || !told.contains("\\Recent"), "\\Recent after ENABLE IMAP4rev2")
      let real = told.subtracting(["\\Recent"])
      try Mismatch.unless(real.isSubset(of: words), "flags \(real.sorted()) that were not announced")
      try Mismatch.unless(
        states.contains { $0.flags == real },
        "UID \(uid) has \(real.sorted()), expected \(states.map { $0.flags.sorted() })")
      flags[uid] = real
    }
    if let modSeq = items["MODSEQ"]?.list?.first?.text.flatMap({ UInt64($0) }) {
      // Of the state before the command, or of that after it: the flags tell which.
      let told = items["FLAGS"] == nil ? nil : flags[uid]
      let state = states.first { told == nil || $0.flags == told }
      if let change = state?.changed { try after.boxes[box]?.modSeqs.learn(modSeq, of: change) }
    }
    return Fetched(uid: uid, items: items)
  }

  /// What must hold after a command that was carried out.
  func check(_ mail: ModelMail, allowsExpunge: Bool) throws(Mismatch) {
    let there = mail.boxes[box]?.messages ?? []
    if allowsExpunge {
      try Mismatch.unless(
        uids == there.map(\.uid), "the client was told of UIDs \(uids), and there are \(there.map(\.uid))")
    } else {
      let known = Set(uids)
      for message in there where !known.contains(message.uid) {
        throw Mismatch("the client was not told of UID \(message.uid)")
      }
    }
    for message in there {
      guard let told = flags[message.uid], told != message.flags else { continue }
      throw Mismatch(
        "the client thinks that UID \(message.uid) has \(told.sorted()); it has \(message.flags.sorted())")
    }
  }
}
