/// What a FETCH asks for (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 7162 §3.1.4).
struct FetchRequest: Equatable, Sendable {
  var set: SequenceSet
  var isUID: Bool
  var items: [FetchItem]
  /// CHANGEDSINCE: only messages with a greater mod-sequence.
  var changedSince: Int64?

  static let maximumItems = 200
}

enum FetchItem: Equatable, Sendable {
  case envelope
  case flags
  case internalDate
  case size
  case bodyStructure
  /// `BODY`: the structure without extension data.
  case body
  case uid
  case modSequence
  case section(Section, Partial?, SectionName, peek: Bool)
  case binary([UInt32], Partial?, peek: Bool)
  case binarySize([UInt32])

  /// The name under which the content of a section was asked for and is returned.
  enum SectionName: Equatable, Sendable {
    case body
    /// `RFC822`, `RFC822.HEADER`, `RFC822.TEXT` (RFC 3501 §6.4.5).
    case rfc822
  }

  /// Whether fetching the item sets `\Seen`.
  var setsSeen: Bool {
    switch self {
    case .section(_, _, _, let peek), .binary(_, _, let peek): !peek
    default: false
    }
  }
}

/// The part of a message that `BODY[…]` names (RFC 9051 §6.4.5.1).
struct Section: Equatable, Sendable {
  enum Text: Equatable, Sendable {
    case header
    case fields([[UInt8]])
    case fieldsNot([[UInt8]])
    case text
    case mime
  }

  /// Part numbers from the outermost; empty for the message itself.
  var part: [UInt32] = []
  /// Nil for the whole of the part.
  var text: Text?

  /// Levels of part numbers: no structure that the appliance keeps is deeper.
  static let maximumDepth = 100
  static let maximumFields = 200
}

/// `<first.count>`: some octets of a section.
struct Partial: Equatable, Sendable {
  var first: Int64
  var count: Int64
}

extension Scanner {
  mutating func fetchRequest(isUID: Bool) throws(SyntaxError) -> FetchRequest {
    var request = FetchRequest(set: try sequenceSet(), isUID: isUID, items: [], changedSince: nil)
    try space()
    request.items = try fetchItems()
    if take(" ") {
      try expect("(", "( before a FETCH modifier")
      repeat {
        guard take(word: "CHANGEDSINCE") else { throw .malformed("The only FETCH modifier is CHANGEDSINCE") }
        try space()
        request.changedSince = try number64("a mod-sequence")
      } while take(" ")
      try expect(")", ") after the FETCH modifiers")
      // RFC 7162 §3.1.4.1: the modifier implies the item.
      if !request.items.contains(.modSequence) { request.items.append(.modSequence) }
    }
    // RFC 9051 §6.4.9: whatever answers a UID command has the UID.
    if isUID, !request.items.contains(.uid) { request.items.insert(.uid, at: 0) }
    try end()
    return request
  }

  private mutating func fetchItems() throws(SyntaxError) -> [FetchItem] {
    if take(word: "ALL") { return [.flags, .internalDate, .size, .envelope] }
    if take(word: "FAST") { return [.flags, .internalDate, .size] }
    if take(word: "FULL") { return [.flags, .internalDate, .size, .envelope, .body] }
    guard take("(") else { return [try fetchItem()] }
    var items: [FetchItem] = []
    repeat {
      let item = try fetchItem()
      if !items.contains(item) { items.append(item) }
      guard items.count <= FetchRequest.maximumItems else { throw .malformed("Too many data items in one FETCH") }
    } while take(" ")
    try expect(")", ") after the data items")
    return items
  }

  private mutating func fetchItem() throws(SyntaxError) -> FetchItem {
    let name = try itemName()
    switch name {
    case "ENVELOPE": return .envelope
    case "FLAGS": return .flags
    case "INTERNALDATE": return .internalDate
    case "RFC822.SIZE": return .size
    case "BODYSTRUCTURE": return .bodyStructure
    case "UID": return .uid
    case "MODSEQ": return .modSequence
    case "RFC822": return .section(Section(), nil, .rfc822, peek: false)
    case "RFC822.HEADER": return .section(Section(text: .header), nil, .rfc822, peek: true)
    case "RFC822.TEXT": return .section(Section(text: .text), nil, .rfc822, peek: false)
    case "BODY" where peek() != UInt8(ascii: "["): return .body
    case "BODY", "BODY.PEEK":
      let section = try section()
      return .section(section, try partial(), .body, peek: name == "BODY.PEEK")
    case "BINARY", "BINARY.PEEK":
      let part = try binarySection()
      return .binary(part, try partial(), peek: name == "BINARY.PEEK")
    case "BINARY.SIZE": return .binarySize(try binarySection())
    default: throw .malformed("There is no data item of that name")
    }
  }

  private mutating func binarySection() throws(SyntaxError) -> [UInt32] {
    try expect("[", "[ before the section")
    let part = try partNumbers()
    try expect("]", "] after the section")
    return part
  }

  private mutating func section() throws(SyntaxError) -> Section {
    try expect("[", "[ before the section")
    var section = Section(part: try partNumbers(), text: nil)
    if peek() != UInt8(ascii: "]") { section.text = try sectionText(below: section.part) }
    try expect("]", "] after the section")
    return section
  }

  /// `section-part`, up to and including the dot before a text specifier.
  private mutating func partNumbers() throws(SyntaxError) -> [UInt32] {
    var numbers: [UInt32] = []
    while let next = peek(), CharacterClass.isDigit(next) {
      numbers.append(try nonZeroNumber("a part number"))
      guard numbers.count <= Section.maximumDepth else { throw .malformed("There are too many part numbers") }
      guard peek() == UInt8(ascii: ".") else { return numbers }
      guard peek(1) != UInt8(ascii: "]") else { throw .malformed("A section cannot end in a dot") }
      _ = take(".")
    }
    return numbers
  }

  private mutating func sectionText(below part: [UInt32]) throws(SyntaxError) -> Section.Text {
    switch try itemName() {
    case "HEADER.FIELDS": return .fields(try headerList())
    case "HEADER.FIELDS.NOT": return .fieldsNot(try headerList())
    case "HEADER": return .header
    case "TEXT": return .text
    case "MIME" where !part.isEmpty: return .mime
    default: throw .malformed("There is no section of that name")
    }
  }

  private mutating func headerList() throws(SyntaxError) -> [[UInt8]] {
    try space()
    try expect("(", "( before the field names")
    var names: [[UInt8]] = []
    repeat {
      names.append(try astring("the name of a header field"))
      guard names.count <= Section.maximumFields else { throw .malformed("Too many field names in one section") }
    } while take(" ")
    try expect(")", ") after the field names")
    return names
  }

  private mutating func partial() throws(SyntaxError) -> Partial? {
    guard take("<") else { return nil }
    let first = try number64("the first octet")
    try expect(".", ". between the first octet and the number of octets")
    let count = try number64("the number of octets")
    guard count > 0 else { throw .malformed("The number of octets cannot be 0") }
    try expect(">", "> after the number of octets")
    return Partial(first: first, count: count)
  }
}
