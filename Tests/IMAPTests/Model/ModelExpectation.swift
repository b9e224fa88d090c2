/// What the answer to one command must be, apart from the news that come with it.
struct ModelExpectation {
  /// OK, NO or BAD.
  var status = "OK"
  /// The name of the response code, where there must be one.
  var code: String?
  /// Its arguments after the UIDVALIDITY: of COPYUID and APPENDUID.
  var copied: String?
  var failed: Set<UInt32> = []
  /// How the messages of `failed` are named.
  var failedText: Set<UInt32>?
  /// Messages that the command changed or looked at, as far as they are there.
  var changed: Set<UInt32> = []
  /// What must be told of each of them.
  var items: [UInt32: [String: Wanted]] = [:]

  enum Wanted {
    /// ``ModelView`` compares it.
    case something
    case exactly(ModelAnswer.Value)
  }

  mutating func refuse(_ status: String, _ code: String? = nil) {
    self.status = status
    self.code = code
  }

  func check(_ answer: ModelAnswer) throws(Mismatch) {
    try Mismatch.unless(
      answer.status == status, "\(answer.status) [\(answer.code ?? "")], expected \(status) [\(code ?? "")]")
    if let code { try Mismatch.unless(answer.hasCode(code), "code [\(answer.code ?? "")], expected \(code)") }
    if let copied {
      let told = (answer.argument("COPYUID") ?? answer.argument("APPENDUID") ?? "").split(separator: " ").dropFirst()
        .flatMap { numbers(String($0)).map(String.init) + ["/"] }.joined(separator: " ")
      try Mismatch.unless(told == copied, "copies \(told), expected \(copied)")
    }
    let modified = answer.argument("MODIFIED").map { Set(numbers($0)) }
    try Mismatch.unless(
      modified == failedText, "MODIFIED \(modified?.sorted() ?? []), expected \(failedText?.sorted() ?? [])")
  }

  /// - Parameter silently: nothing needs to be told of the flags (RFC 9051 §6.4.6, `.SILENT`).
  func check(_ fetched: [ModelView.Fetched], silently: Bool) throws(Mismatch) {
    for response in fetched where items[response.uid] == nil {
      let unasked = response.items.keys.filter { !["UID", "FLAGS", "MODSEQ"].contains($0) }
      try Mismatch.unless(unasked.isEmpty, "\(unasked) of UID \(response.uid), which was not asked for")
    }
    for (uid, wanted) in items {
      for (name, value) in wanted {
        if silently, name == "FLAGS" { continue }
        let told = fetched.last { $0.uid == uid && $0.items[name] != nil }?.items[name]
        guard let told else { throw Mismatch("\(name) of UID \(uid) was not told") }
        if case .exactly(let value) = value {
          try Mismatch.unless(told == value, "\(name) of UID \(uid) is \(told), expected \(value)")
        }
      }
    }
  }
}

/// The numbers of a set: `1,3:5`.
func numbers(_ set: String) -> [UInt32] {
  set.split(separator: ",").flatMap { part -> [UInt32] in
    let ends = part.split(separator: ":").compactMap { UInt32($0) }
    return ends.count == 2 ? Array(min(ends[0], ends[1])...max(ends[0], ends[1])) : ends
  }
}

extension ModelCommand {
  /// Does to the mail what the command does, and says how it must be answered.
  func apply(to mail: inout ModelMail, _ view: ModelView?, _ expected: inout ModelExpectation) {
    switch self {
    case .noop, .search: break
    case .append(let number, let flags, let name):
      guard mail.boxes[name] != nil else { return expected.refuse("NO", "TRYCREATE") }
      expected.code = "APPENDUID"
      expected.copied = "\(mail.append(number, flags: flags, to: name)) /"
    case .select(let name, let isReadOnly):
      guard mail.boxes[name] != nil else { return expected.refuse("NO", "NONEXISTENT") }
      expected.code = isReadOnly ? "READ-ONLY" : "READ-WRITE"
    case .close(let isExpunging):
      if isExpunging, let view, !view.isReadOnly { mail.expunge(nil, in: view.box) }
    case .status(let name):
      if mail.boxes[name] == nil { expected.refuse("NO", "NONEXISTENT") }
    case .create(let name):
      if mail.boxes[name] != nil { return expected.refuse("NO", "ALREADYEXISTS") }
      mail.boxes[name] = ModelMail.Box()
    case .delete(let name):
      if mail.boxes[name] == nil { return expected.refuse("NO", "NONEXISTENT") }
      mail.boxes[name] = nil
    case .fetch(let named, let isUID, let items, let since):
      guard let view else { return }
      fetch(named, isUID: isUID, items, since?.change, &mail, view, &expected)
    case .store(let named, let isUID, let change, _, let flags, let since):
      guard let view else { return }
      if view.isReadOnly { return expected.refuse("NO", "READ-ONLY") }
      store(named, isUID: isUID, change, flags, since?.change, &mail, view, &expected)
    case .copy(let named, let isUID, let isMove, let destination):
      guard let view else { return }
      if isMove, view.isReadOnly { return expected.refuse("NO", "READ-ONLY") }
      guard let uids = named.uids else { return expected.refuse("BAD") }
      guard mail.boxes[destination] != nil else { return expected.refuse("NO", "TRYCREATE") }
      let copied = mail.copy(uids, from: view.box, to: destination, isMove: isMove)
      if copied.source.isEmpty {
        if !uids.isEmpty, !isUID { expected.refuse("NO", "EXPUNGEISSUED") }
        return
      }
      expected.copied =
        (copied.source.map(String.init) + ["/"] + copied.destination.map(String.init) + ["/"]).joined(separator: " ")
    case .expunge(let named):
      guard let view else { return }
      if view.isReadOnly { return expected.refuse("NO", "READ-ONLY") }
      mail.expunge(named.map { $0.uids ?? [] }, in: view.box)
    }
  }

  private func fetch(
    _ named: Named, isUID: Bool, _ items: [String], _ since: Int?, _ mail: inout ModelMail, _ view: ModelView,
    _ expected: inout ModelExpectation
  ) {
    guard let uids = named.uids else { return expected.refuse("BAD") }
    let there = uids.filter { mail.boxes[view.box]?[$0] != nil }
    if !isUID, since == nil, there.count < uids.count { expected.refuse("NO", "EXPUNGEISSUED") }
    let wanted = there.filter { since == nil || mail.boxes[view.box]?[$0].map { $0.changed > since ?? 0 } == true }
    if items.contains(where: { $0.hasPrefix("BODY[") }), !view.isReadOnly {
      _ = mail.store(.add, ["\\Seen"], Set(wanted), in: view.box)
    }
    for uid in wanted {
      guard let message = mail.boxes[view.box]?[uid] else { continue }
      var values: [String: ModelExpectation.Wanted] = [:]
      for item in items { values[item.replacing(".PEEK", with: "")] = Self.wanted(item, message) }
      if since != nil { values["MODSEQ"] = .something }
      expected.items[uid] = values
    }
  }

  private static func wanted(_ item: String, _ message: ModelMail.Message) -> ModelExpectation.Wanted {
    let content = ModelContent(number: message.content)
    return switch item.replacing(".PEEK", with: "") {
    case "UID": .exactly(.atom("\(message.uid)"))
    case "RFC822.SIZE": .exactly(.atom("\(content.size)"))
    case "INTERNALDATE": .exactly(.string(Array(content.date.utf8)))
    case "BODY[HEADER.FIELDS (SUBJECT)]": .exactly(.string(Array((content.subject + "\r\n").utf8)))
    case "BODY[TEXT]": .exactly(.string(Array(content.text.utf8)))
    case "BODY[]": .exactly(.string(content.octets))
    default: .something
    }
  }

  private func store(
    _ named: Named, isUID: Bool, _ change: ModelMail.FlagChange, _ flags: Set<String>, _ since: Int?,
    _ mail: inout ModelMail, _ view: ModelView, _ expected: inout ModelExpectation
  ) {
    guard let uids = named.uids else { return expected.refuse("BAD") }
    let there = uids.filter { mail.boxes[view.box]?[$0] != nil }
    let failed = mail.store(change, flags, Set(there), in: view.box, unchangedSince: since)
    expected.changed = Set(there).subtracting(failed)
    for uid in expected.changed {
      expected.items[uid] = since == nil ? ["FLAGS": .something] : ["FLAGS": .something, "MODSEQ": .something]
    }
    if !isUID, there.count < uids.count { expected.refuse("NO", failed.isEmpty ? "EXPUNGEISSUED" : nil) }
    if !failed.isEmpty {
      expected.failedText = isUID ? failed : Set(failed.compactMap { view.sequence(of: $0).map { UInt32($0) } })
    }
  }
}

/// What a SEARCH must give (RFC 9051 §6.4.4, RFC 4731, RFC 5182).
struct ModelSearchResult {
  let key: ModelSearch
  let isUID: Bool
  let returns: [String]?
  let isRev2: Bool
  /// The messages that the client knew, by their sequence numbers.
  let searched: [UInt32]

  func check(_ answer: ModelAnswer, _ mail: inout ModelMail, _ view: inout ModelView?) throws(Mismatch) {
    guard let current = view else { return }
    let matches = searched.compactMap { mail.boxes[current.box]?[$0] }.filter(key.matches)
    let results = matches.compactMap { message in
      isUID ? message.uid : searched.firstIndex(of: message.uid).map { UInt32($0 + 1) }
    }
    guard returns != nil || isRev2 else {
      let words = answer.untagged.first { $0.name == "SEARCH" }?.words ?? []
      let told = words.dropFirst().compactMap(\.text).compactMap { UInt32($0) }
      try Mismatch.unless(!words.isEmpty && told == results, "SEARCH gave \(told), expected \(results)")
      return try learn(words.last?.list?.last, of: matches, &mail, current)
    }
    var returns = returns ?? ["ALL"]
    if returns.isEmpty { returns = ["ALL"] }
    var kept = matches
    if !returns.contains("ALL"), !returns.contains("COUNT"), returns.contains("MIN") || returns.contains("MAX") {
      kept =
        (returns.contains("MIN") ? Array(matches.prefix(1)) : []) + (returns.contains("MAX") ? matches.suffix(1) : [])
    }
    if returns.contains("SAVE") { view?.saved = Set(kept.map(\.uid)).intersection(current.uids) }
    guard returns != ["SAVE"] else { return }
    let words = answer.untagged.first { $0.name == "ESEARCH" }?.words ?? []
    func told(_ name: String) -> ModelAnswer.Value? {
      words.firstIndex(of: .atom(name)).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
    }
    try Mismatch.unless(words.contains(.atom("UID")) == isUID, "ESEARCH with or without UID")
    let expected: [(String, [UInt32]?)] = [
      ("MIN", results.first.map { [$0] }), ("MAX", results.last.map { [$0] }), ("COUNT", [UInt32(results.count)]),
      ("ALL", results.isEmpty ? nil : results),
    ]
    for (name, value) in expected {
      let given = told(name)?.text.map(numbers)
      try Mismatch.unless(
        given == (returns.contains(name) ? value : nil), "\(name) is \(given ?? []), expected \(value ?? [])")
    }
    try learn(told("MODSEQ"), of: kept, &mail, current)
  }

  /// The highest mod-sequence of what was found (RFC 7162 §3.1.5).
  private func learn(
    _ told: ModelAnswer.Value?, of messages: [ModelMail.Message], _ mail: inout ModelMail, _ view: ModelView
  ) throws(Mismatch) {
    let change = key.mentionsModSeq ? messages.map(\.changed).max() : nil
    let modSeq = told?.text.flatMap { UInt64($0) }
    try Mismatch.unless((change == nil) == (modSeq == nil), "MODSEQ of a search is told, or not, against RFC 7162")
    if let change, let modSeq { try mail.boxes[view.box]?.modSeqs.learn(modSeq, of: change) }
  }
}
