@testable import IMAP

/// Sessions that all act at once. Nobody can say then what each answer must be, but each client can hold the server to its
/// word: numbers that mean the same message until an EXPUNGE shifts them, UIDs that ascend, mod-sequences that never fall,
/// flags that are, in the end, those that were told. And in the end all see the same.
struct ModelStorm {
  /// What one client was told, with nothing else to go by.
  struct Witness {
    let client: TestClient
    /// Message n is `uids[n - 1]`; nothing where its UID was not told yet.
    var uids: [UInt32?] = []
    var flags: [UInt32: Set<String>] = [:]
    var modSeqs: [UInt32: UInt64] = [:]
    var tags = 0
    var pending: [(tag: String, allowsExpunge: Bool)] = []
  }

  private var witnesses: [Witness] = []
  private var generator: SplitMix
  private(set) var answers = 0
  private static let flags = ["\\Seen", "\\Deleted", "\\Flagged", "blue"]

  init(_ office: TestOffice, seed: UInt64, clients: Int) async throws {
    generator = SplitMix(seed: seed)
    try await office.fill(8)
    for number in 0..<clients {
      var witness = Witness(client: await office.client(enabling: number.isMultiple(of: 2) ? "CONDSTORE" : "ID"))
      witness.send("SELECT INBOX", allowsExpunge: true)
      try await witness.hearAll()
      witnesses.append(witness)
    }
  }

  /// Everybody sends some commands in one go; then the answers are read.
  mutating func round(commands: Int) async throws {
    for index in witnesses.indices {
      for _ in 0..<commands {
        let (text, allowsExpunge) = command()
        witnesses[index].send(text, allowsExpunge: allowsExpunge)
      }
    }
    for index in witnesses.indices { answers += try await witnesses[index].hearAll() }
  }

  private mutating func command() -> (String, allowsExpunge: Bool) {
    let uid = UInt32.random(in: 1...60, using: &generator)
    let number = Int.random(in: 1...6, using: &generator)
    let flag = Self.flags[Int.random(in: 0..<Self.flags.count, using: &generator)]
    let sign = Bool.random(using: &generator) ? "+" : "-"
    return switch Int.random(in: 0..<11, using: &generator) {
    case 0: ("FETCH \(number):* (UID FLAGS)", false)
    case 1: ("STORE \(number) \(sign)FLAGS (\(flag))", false)
    case 2: ("UID STORE \(uid):* \(sign)FLAGS (\(flag))", true)
    case 3: ("UID FETCH \(uid):* (FLAGS BODY[TEXT])", true)
    case 4: ("SEARCH UNSEEN", false)
    case 5: ("EXPUNGE", true)
    case 6: ("UID COPY \(uid) INBOX", true)
    case 7: ("MOVE \(number) INBOX", true)
    case 8: ("UID EXPUNGE \(uid):*", true)
    case 9: ("NOOP", true)
    default:
      ("APPEND INBOX {20+}\r\nSubject: new\r\n\r\nText", true)
    }
  }

  /// Quiet again: all must have been told the same, and the truth.
  mutating func settle() async throws {
    var seen: [[UInt32: Set<String>]] = []
    for index in witnesses.indices {
      witnesses[index].send("NOOP", allowsExpunge: true)
      try await witnesses[index].hearAll()
      let told = witnesses[index].flags
      witnesses[index].send("UID FETCH 1:* (FLAGS)", allowsExpunge: true)
      try await witnesses[index].hearAll()
      let now = witnesses[index].flags
      for (uid, flags) in told where now[uid] != flags {
        throw Mismatch(
          "client \(index) was told \(flags.sorted()) of UID \(uid), which has \(now[uid]?.sorted() ?? [])")
      }
      try Mismatch.unless(
        witnesses[index].uids.allSatisfy { $0 != nil } && Set(witnesses[index].uids.compactMap { $0 }) == Set(now.keys),
        "client \(index) counts \(witnesses[index].uids.count) messages and was told of \(now.count)")
      seen.append(now)
    }
    for other in seen.dropFirst() { try Mismatch.unless(other == seen[0], "two clients see different mailboxes") }
  }
}

extension ModelStorm.Witness {
  mutating func send(_ text: String, allowsExpunge: Bool) {
    tags += 1
    pending.append(("s\(tags)", allowsExpunge))
    client.send("s\(tags) \(text)\r\n")
  }

  /// Reads the answers to all that was sent; how many there were.
  @discardableResult mutating func hearAll() async throws -> Int {
    defer { pending.removeAll() }
    for (tag, allowsExpunge) in pending {
      let lines = await client.answer(tag)
      let text = (lines.dropLast() + ["\(tag) \(lines.last ?? "")"]).joined(separator: "\r\n") + "\r\n"
      for response in try ModelAnswer(Array(text.utf8), tag: tag).untagged {
        try hear(response, allowsExpunge: allowsExpunge)
      }
    }
    return pending.count
  }

  private mutating func hear(_ response: ModelAnswer.Untagged, allowsExpunge: Bool) throws(Mismatch) {
    guard let number = response.number else {
      return try Mismatch.unless(response.name != "BYE", "the session ended")
    }
    switch response.name {
    case "EXISTS":
      try Mismatch.unless(number >= uids.count, "\(number) EXISTS after \(uids.count)")
      uids += Array(repeating: nil, count: number - uids.count)
    case "EXPUNGE":
      try Mismatch.unless(allowsExpunge, "EXPUNGE during a command with sequence numbers")
      try Mismatch.unless(uids.indices.contains(number - 1), "\(number) EXPUNGE of \(uids.count)")
      if let uid = uids.remove(at: number - 1) { flags[uid] = nil }
    case "FETCH":
      try Mismatch.unless(uids.indices.contains(number - 1), "\(number) FETCH of \(uids.count)")
      try hear(fetch: number, response.words.last?.list ?? [])
    default: break
    }
  }

  private mutating func hear(fetch number: Int, _ items: [ModelAnswer.Value]) throws(Mismatch) {
    func item(_ name: String) -> ModelAnswer.Value? {
      items.firstIndex(of: .atom(name)).flatMap { items.indices.contains($0 + 1) ? items[$0 + 1] : nil }
    }
    if let uid = item("UID")?.text.flatMap({ UInt32($0) }) {
      let known = uids[number - 1]
      try Mismatch.unless(known == nil || known == uid, "message \(number) was UID \(known ?? 0) and is now \(uid)")
      uids[number - 1] = uid
      let order = uids.compactMap { $0 }
      try Mismatch.unless(zip(order, order.dropFirst()).allSatisfy { $0 < $1 }, "UIDs do not ascend: \(order)")
    }
    guard let uid = uids[number - 1] else { return }
    if let told = item("FLAGS")?.list { flags[uid] = Set(told.compactMap(\.text)).subtracting(["\\Recent"]) }
    if let modSeq = item("MODSEQ")?.list?.first?.text.flatMap({ UInt64($0) }) {
      try Mismatch.unless(modSeq >= modSeqs[uid] ?? 0, "the mod-sequence of UID \(uid) fell to \(modSeq)")
      modSeqs[uid] = modSeq
    }
  }
}
