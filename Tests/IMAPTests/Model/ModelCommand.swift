/// A random command: its text, and what it does to the mail.
enum ModelCommand {
  /// Messages named in a command: as written, and the UIDs that it means. Nothing if the numbers are out of range.
  struct Named {
    var text: String
    var uids: Set<UInt32>?
  }

  case noop(String)
  case fetch(Named, isUID: Bool, items: [String], changedSince: (change: Int, modSeq: UInt64)?)
  case store(
    Named, isUID: Bool, ModelMail.FlagChange, isSilent: Bool, Set<String>,
    unchangedSince: (change: Int, modSeq: UInt64)?)
  case copy(Named, isUID: Bool, isMove: Bool, to: String)
  case expunge(Named?)
  case search(ModelSearch, isUID: Bool, returns: [String]?)
  case append(Int, Set<String>, to: String)
  case select(String, isReadOnly: Bool)
  case close(isExpunging: Bool)
  case status(String)
  case create(String)
  case delete(String)

  var text: String {
    switch self {
    case .noop(let name): name
    case .fetch(let named, let isUID, let items, let since):
      "\(isUID ? "UID " : "")FETCH \(named.text) (\(items.joined(separator: " ")))"
        + (since.map { " (CHANGEDSINCE \($0.modSeq))" } ?? "")
    case .store(let named, let isUID, let change, let isSilent, let flags, let since):
      "\(isUID ? "UID " : "")STORE \(named.text) " + (since.map { "(UNCHANGEDSINCE \($0.modSeq)) " } ?? "")
        + "\(change.rawValue)\(isSilent ? ".SILENT" : "") (\(flags.sorted().joined(separator: " ")))"
    case .copy(let named, let isUID, let isMove, let destination):
      "\(isUID ? "UID " : "")\(isMove ? "MOVE" : "COPY") \(named.text) \(destination)"
    case .expunge(nil): "EXPUNGE"
    case .expunge(let named?): "UID EXPUNGE \(named.text)"
    case .search(let key, let isUID, let returns):
      "\(isUID ? "UID " : "")SEARCH " + (returns.map { "RETURN (\($0.joined(separator: " "))) " } ?? "") + key.text
    case .append(let number, let flags, let name):
      "APPEND \(name) (\(flags.sorted().joined(separator: " "))) \"\(ModelContent(number: number).date)\" "
        + "{\(ModelContent(number: number).size)+}\r\n"
        + String(decoding: ModelContent(number: number).octets, as: UTF8.self)
    case .select(let name, let isReadOnly): "\(isReadOnly ? "EXAMINE" : "SELECT") \(name)"
    case .close(let isExpunging): isExpunging ? "CLOSE" : "UNSELECT"
    case .status(let name): "STATUS \(name) (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE)"
    case .create(let name): "CREATE \(name)"
    case .delete(let name): "DELETE \(name)"
    }
  }

  var isFetch: Bool { if case .fetch = self { true } else { false } }

  /// RFC 9051 §7.5.1: no EXPUNGE while a command with sequence numbers is in progress.
  var allowsExpunge: Bool {
    switch self {
    case .fetch(_, false, _, _), .store(_, false, _, _, _, _), .search(_, false, _): false
    default: true
    }
  }
}

/// A search key, and which messages match it.
indirect enum ModelSearch {
  case all
  case flag(String, isSet: Bool)
  case uids(ModelCommand.Named, isUID: Bool)
  case subject(String)
  case body(String)
  case larger(Int)
  case modSeq(change: Int, UInt64)
  case not(ModelSearch)
  case or(ModelSearch, ModelSearch)
  case and(ModelSearch, ModelSearch)

  var text: String {
    switch self {
    case .all: "ALL"
    case .flag(let flag, let isSet):
      flag.hasPrefix("\\")
        ? (isSet ? "" : "UN") + flag.dropFirst().uppercased() : "\(isSet ? "" : "UN")KEYWORD \(flag)"
    case .uids(let named, let isUID): isUID ? "UID \(named.text)" : named.text
    case .subject(let word): "SUBJECT \"\(word.uppercased())\""
    case .body(let text): "BODY \"\(text.lowercased())\""
    case .larger(let size): "LARGER \(size)"
    case .modSeq(_, let modSeq): "MODSEQ \(modSeq)"
    case .not(let key): "NOT \(key.inBrackets)"
    case .or(let a, let b): "OR \(a.inBrackets) \(b.inBrackets)"
    case .and(let a, let b): "\(a.text) \(b.text)"
    }
  }

  private var inBrackets: String { "(\(text))" }

  var mentionsModSeq: Bool {
    switch self {
    case .modSeq: true
    case .not(let key): key.mentionsModSeq
    case .or(let a, let b), .and(let a, let b): a.mentionsModSeq || b.mentionsModSeq
    default: false
    }
  }

  func matches(_ message: ModelMail.Message) -> Bool {
    let content = ModelContent(number: message.content)
    return switch self {
    case .all: true
    case .flag(let flag, let isSet): message.flags.contains(flag) == isSet
    case .uids(let named, _): named.uids?.contains(message.uid) == true
    case .subject(let word): content.subject.contains(word)
    case .body(let text): content.text.contains(text)
    case .larger(let size): content.size > size
    case .modSeq(let change, _): message.changed >= change
    case .not(let key): !key.matches(message)
    case .or(let a, let b): a.matches(message) || b.matches(message)
    case .and(let a, let b): a.matches(message) && b.matches(message)
    }
  }
}

/// Makes commands that make sense, more or less, for a client.
struct ModelGenerator {
  static let flags = ["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "$Junk", "Later", "blue"]
  static let boxes = ["INBOX", "Archive", "Trash", "Temp"]
  var random: SplitMix
  private var contents = 0

  init(seed: UInt64) { random = SplitMix(seed: seed) }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }

  mutating func someFlags() -> Set<String> {
    Set((0..<number(0...3)).map { _ in pick(Self.flags) })
  }

  mutating func command(_ client: ModelView?, _ mail: ModelMail, hasCondstore: Bool) -> ModelCommand {
    guard let view = client else {
      return chance(70) ? .select(pick(Self.boxes), isReadOnly: chance(15)) : elsewhere()
    }
    let isUID = chance(50)
    switch number(0...99) {
    case 0..<10: return .noop(chance(80) ? "NOOP" : "CHECK")
    case 10..<28: return fetch(view, mail, isUID: isUID, hasCondstore: hasCondstore)
    case 28..<52:
      let since = hasCondstore && chance(30) ? mail.boxes[view.box]?.modSeqs.anyChange(&random) : nil
      return .store(
        named(view, isUID: isUID), isUID: isUID, pick(ModelMail.FlagChange.allCases), isSilent: chance(50), someFlags(),
        unchangedSince: since)
    case 52..<60: return .copy(named(view, isUID: isUID), isUID: isUID, isMove: false, to: pick(Self.boxes))
    case 60..<66: return .copy(named(view, isUID: isUID), isUID: isUID, isMove: true, to: pick(Self.boxes))
    case 66..<72: return .expunge(chance(50) ? nil : named(view, isUID: true))
    case 72..<84: return search(view, mail, isUID: isUID, hasCondstore: hasCondstore)
    case 84..<88: return .select(pick(Self.boxes), isReadOnly: chance(15))
    case 88: return .close(isExpunging: chance(50))
    default: return elsewhere()
    }
  }

  private mutating func elsewhere() -> ModelCommand {
    switch number(0...9) {
    case 0...5:
      contents += 1
      return .append(contents, someFlags(), to: pick(Self.boxes))
    case 6...7: return .status(pick(Self.boxes))
    case 8: return .create("Temp")
    default: return .delete("Temp")
    }
  }

  private mutating func fetch(
    _ view: ModelView, _ mail: ModelMail, isUID: Bool, hasCondstore: Bool
  ) -> ModelCommand {
    var items = ["UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"]
      .filter { _ in Bool.random(using: &random) }
    if hasCondstore, chance(40) { items.append("MODSEQ") }
    if chance(20) {
      items.append(pick(["BODY[]", "BODY[TEXT]"]))
    } else if chance(20) {
      items.append("BODY.PEEK[TEXT]")
    }
    if items.isEmpty { items = ["FLAGS"] }
    let since = hasCondstore && chance(25) ? mail.boxes[view.box]?.modSeqs.anyChange(&random) : nil
    return .fetch(named(view, isUID: isUID), isUID: isUID, items: items, changedSince: since)
  }

  private mutating func search(
    _ view: ModelView, _ mail: ModelMail, isUID: Bool, hasCondstore: Bool
  ) -> ModelCommand {
    var returns: [String]?
    if chance(60) { returns = ["MIN", "MAX", "COUNT", "ALL", "SAVE"].filter { _ in chance(40) } }
    return .search(key(view, mail, hasCondstore, depth: 2), isUID: isUID, returns: returns)
  }

  private mutating func key(_ view: ModelView, _ mail: ModelMail, _ hasCondstore: Bool, depth: Int) -> ModelSearch {
    if depth > 0, chance(35) {
      let first = key(view, mail, hasCondstore, depth: depth - 1)
      let second = key(view, mail, hasCondstore, depth: depth - 1)
      return [.not(first), .or(first, second), .and(first, second)][number(0...2)]
    }
    switch number(0...7) {
    case 0: return .all
    case 1, 2: return .flag(pick(Self.flags), isSet: chance(50))
    case 3:
      let isUID = chance(50)
      return .uids(named(view, isUID: isUID, isSearch: true), isUID: isUID)
    case 4: return .subject(pick(ModelContent.words))
    case 5: return .body("Text \(number(0...20))")
    case 6: return .larger(number(50...700))
    default:
      guard hasCondstore, let known = mail.boxes[view.box]?.modSeqs.anyChange(&random) else { return .all }
      return .modSeq(change: known.change, known.modSeq)
    }
  }

  /// Some of the messages in view, or a little beyond them.
  private mutating func named(_ view: ModelView, isUID: Bool, isSearch: Bool = false) -> ModelCommand.Named {
    if chance(8) { return ModelCommand.Named(text: "$", uids: view.saved) }
    let last = isUID ? Int(view.uids.last ?? 0) : view.uids.count
    guard isUID || last > 0 else { return ModelCommand.Named(text: "1", uids: isSearch ? [] : nil) }
    var texts: [String] = []
    var uids: Set<UInt32> = []
    for _ in 0..<number(1...3) {
      let first = number(1...max(last + (isUID ? 2 : 0), 1))
      let isOpen = chance(10)
      // RFC 9051 §9 `seq-range`: the two ends may come in any order, and * is the last message.
      let second = isOpen ? last : chance(50) ? first : number(1...max(last, 1))
      texts.append(isOpen ? "\(first):*" : first == second ? "\(first)" : "\(first):\(second)")
      if isOpen, last == 0 { continue }
      let range = min(first, second)...max(first, second)
      uids.formUnion(
        isUID ? view.uids.filter { range.contains(Int($0)) } : range.map { view.uids[$0 - 1] })
    }
    return ModelCommand.Named(text: texts.joined(separator: ","), uids: uids)
  }
}
