internal import Message
internal import Store

/// A search, ready to be asked of messages one by one.
///
/// What a key needs to know comes in three stages, each much dearer than the one before: the entry, the header section,
/// the text of the body. A stage is read only for messages that the stages before it could not decide.
struct SearchProgram: Sendable {
  /// True, false, or not known yet.
  enum Answer: Equatable, Sendable {
    case yes, no, unknown

    var negated: Answer {
      switch self {
      case .yes: .no
      case .no: .yes
      case .unknown: .unknown
      }
    }
  }

  /// What is known of a message so far.
  struct Known {
    let entry: Entry
    let keywords: Keywords
    let isRecent: Bool
    var header: HeaderSection?
    /// By the number of the needle: whether it is in the body, and in the headers of the message and its parts.
    var found: [(body: Bool, headers: Bool)]?
  }

  /// A key whose sets are resolved to UIDs, and whose texts are numbered.
  indirect enum Key: Sendable {
    case all
    case and([Key])
    case or(Key, Key)
    case not(Key)
    case flag(Flags)
    case keyword(String)
    case recent
    case internalDate(SearchKey.Comparison, CalendarDay)
    case sentDate(SearchKey.Comparison, CalendarDay)
    case larger(Int64)
    case smaller(Int64)
    case uids(UIDSet)
    case modSequence(Int64)
    case header(name: String, text: String)
    case body(Int)
    case text(Int)
  }

  let key: Key
  /// The texts of BODY and TEXT keys.
  let needles: [String]
  /// Only these messages can match; nil for any.
  let candidates: UIDSet?
  let mentionsModSequence: Bool
  /// How many texts are looked for in each message.
  let texts: Int

  init(_ key: SearchKey, in view: MailboxView) {
    var needles: [String] = []
    let compiled = Self.compile(key, view, &needles)
    self.key = compiled
    self.needles = needles
    candidates = Self.candidates(compiled)
    mentionsModSequence = key.mentionsModSequence
    texts = Self.texts(compiled)
  }

  private static func compile(_ key: SearchKey, _ view: MailboxView, _ needles: inout [String]) -> Key {
    func needle(_ text: [UInt8]) -> Int {
      let text = String(decoding: text, as: UTF8.self)
      if let known = needles.firstIndex(of: text) { return known }
      needles.append(text)
      return needles.count - 1
    }
    switch key {
    case .all: return .all
    case .and(let keys): return .and(keys.map { compile($0, view, &needles) })
    case .or(let a, let b): return .or(compile(a, view, &needles), compile(b, view, &needles))
    case .not(let key): return .not(compile(key, view, &needles))
    case .flag(let flag): return .flag(FlagNames.flags([flag]))
    case .keyword(let keyword): return .keyword(keyword)
    case .recent: return .recent
    case .internalDate(let comparison, let day): return .internalDate(comparison, day)
    case .sentDate(let comparison, let day): return .sentDate(comparison, day)
    case .larger(let size): return .larger(size)
    case .smaller(let size): return .smaller(size)
    // Numbers beyond the last message match nothing here: a search may combine sets freely.
    case .sequence(let set): return .uids(view.uids(ofSequenceLeniently: set))
    case .uid(let set): return .uids(view.uids(ofUIDs: set))
    case .modSequence(let modSeq): return .modSequence(modSeq)
    case .header(let name, let text): return .header(name: name, text: String(decoding: text, as: UTF8.self))
    // RFC 9051 §6.4.4: every text contains the empty one.
    case .body(let text): return text.isEmpty ? .all : .body(needle(text))
    case .text(let text): return text.isEmpty ? .all : .text(needle(text))
    }
  }

  /// The sets that every match must be in, as far as that follows from the keys that are joined by AND.
  private static func candidates(_ key: Key) -> UIDSet? {
    switch key {
    case .uids(let set): set
    case .and(let keys):
      keys.compactMap(candidates).reduce(nil) { result, set in result.map { $0.intersection(set) } ?? set }
    default: nil
    }
  }

  private static func texts(_ key: Key) -> Int {
    switch key {
    case .and(let keys): keys.reduce(0) { $0 + texts($1) }
    case .or(let a, let b): texts(a) + texts(b)
    case .not(let key): texts(key)
    case .header, .body, .text, .sentDate: 1
    default: 0
    }
  }

  // MARK: Answers

  func matches(_ message: Known) -> Answer { matches(key, message) }

  private func matches(_ key: Key, _ message: Known) -> Answer {
    switch key {
    case .and(let keys): return all(keys, message)
    case .or(let a, let b):
      let first = matches(a, message)
      if first == .yes { return .yes }
      let second = matches(b, message)
      return second == .yes ? .yes : first == .unknown ? .unknown : second
    case .not(let key): return matches(key, message).negated
    case .header(let name, let text):
      guard let header = message.header else { return .unknown }
      return answer(header.contains { $0.isNamed(name) && Self.contains($0, text) })
    case .sentDate(let comparison, let day):
      guard let header = message.header else { return .unknown }
      guard let sent = header.first("Date").flatMap({ HeaderDate($0.body) }) else { return .no }
      return answer(comparison.holds(sent.day, day))
    case .body(let needle): return message.found.map { answer($0[needle].body) } ?? .unknown
    case .text(let needle):
      return message.found.map { answer($0[needle].body || $0[needle].headers) } ?? .unknown
    default: return answer(isTrue(key, message))
    }
  }

  private func all(_ keys: [Key], _ message: Known) -> Answer {
    var result = Answer.yes
    for key in keys {
      switch matches(key, message) {
      case .no: return .no
      case .unknown: result = .unknown
      case .yes: break
      }
    }
    return result
  }

  /// Keys that the entry alone decides.
  private func isTrue(_ key: Key, _ message: Known) -> Bool {
    let entry = message.entry
    switch key {
    case .flag(let flag): return entry.flags.contains(flag)
    case .keyword(let word):
      return message.keywords.number(of: word).map { entry.flags.contains(.keyword($0)) } ?? false
    case .recent: return message.isRecent
    case .internalDate(let comparison, let day):
      return comparison.holds(CalendarDay(entry.internalDate, offsetMinutes: entry.dateOffset), day)
    case .larger(let size): return Int64(entry.size) > size
    case .smaller(let size): return Int64(entry.size) < size
    case .uids(let set): return set.contains(entry.uid)
    case .modSequence(let modSeq): return entry.modSeq >= modSeq
    default: return true
    }
  }

  private func answer(_ truth: Bool) -> Answer { truth ? .yes : .no }

  private static func contains(_ field: HeaderField, _ text: String) -> Bool {
    text.isEmpty || TextSearch.contains(field.text, text)
  }
}

extension SearchKey.Comparison {
  func holds(_ day: CalendarDay, _ other: CalendarDay) -> Bool {
    switch self {
    case .before: day < other
    case .on: day == other
    case .since: day >= other
    }
  }
}
