internal import Platform

/// A text with macros (RFC 7208 §7.1): `%{ir}.%{v}._spf.%{d2}`.
struct SPFMacroString: Sendable, Hashable {
  enum Piece: Sendable, Hashable {
    case literal([UInt8])
    /// `%%`, `%_` or `%-`.
    case escape([UInt8])
    case macro(Macro)
  }

  struct Macro: Sendable, Hashable {
    /// In lower case.
    var letter: UInt8
    /// Written in upper case: the value is escaped as in URLs.
    var isEscaped: Bool
    /// How many of the right-most parts are kept; `nil`: all.
    var kept: Int?
    var isReversed: Bool
    /// Empty: a dot.
    var delimiters: [UInt8]
  }

  /// What a text may have in it.
  enum Kind {
    /// A domain-spec: visible octets, and none of the letters that only an explanation may have.
    case domain
    /// The value of a modifier that nobody knows.
    case modifier
    /// An explain-string: spaces too.
    case explanation
  }

  let pieces: [Piece]

  /// Whether a look-up is needed before it can be expanded.
  var usesValidatedName: Bool {
    pieces.contains { if case .macro(let macro) = $0 { macro.letter == UInt8(ascii: "p") } else { false } }
  }

  init(_ text: Octets, as kind: Kind) throws(SPFStop) {
    var pieces: [Piece] = []
    var literal: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        let isAllowed = (0x21...0x7e).contains(byte) || (byte == 32 && kind == .explanation)
        guard isAllowed else { throw .permanent("there is an octet in it that no SPF record may have") }
        literal.append(byte)
        continue
      }
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = []
      switch rest.popFirst() {
      case UInt8(ascii: "%"): pieces.append(.escape([UInt8(ascii: "%")]))
      case UInt8(ascii: "_"): pieces.append(.escape([32]))
      case UInt8(ascii: "-"): pieces.append(.escape(Array("%20".utf8)))
      case UInt8(ascii: "{"): pieces.append(.macro(try Self.macro(&rest, kind)))
      default: throw .permanent("a % in it begins no macro")
      }
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
    self.pieces = pieces
    if kind == .domain { try checkEnd() }
  }

  /// Behind `%{`.
  private static func macro(_ rest: inout Octets, _ kind: Kind) throws(SPFStop) -> Macro {
    guard let end = rest.firstIndex(of: UInt8(ascii: "}")), end > rest.startIndex, let first = rest.popFirst() else {
      throw .permanent("a macro in it has no end")
    }
    var inner = rest[rest.startIndex..<end]
    rest = rest[(end + 1)...]
    let letter = first.lowered
    switch letter {
    case UInt8(ascii: "s"), UInt8(ascii: "l"), UInt8(ascii: "o"), UInt8(ascii: "d"), UInt8(ascii: "i"),
      UInt8(ascii: "p"), UInt8(ascii: "h"), UInt8(ascii: "v"):
      break
    // RFC 7208 §7.2: these three only in explanations.
    case UInt8(ascii: "c"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      if kind == .domain { throw .permanent("a macro in it is for explanations only") }
    default: throw .permanent("a macro in it has a letter that means nothing")
    }
    var macro = Macro(letter: letter, isEscaped: first != letter, kept: nil, isReversed: false, delimiters: [])
    let digits = inner.prefix(while: \.isDigit)
    if let number = digits.number {
      guard number > 0 else { throw .permanent("a macro in it keeps no part") }
      macro.kept = Int(clamping: number)
      inner = inner.dropFirst(digits.count)
    }
    if let next = inner.first, next.lowered == UInt8(ascii: "r") {
      macro.isReversed = true
      inner.removeFirst()
    }
    guard inner.allSatisfy({ ".-+,/_=".utf8.contains($0) }) else {
      throw .permanent("a macro in it has a part that means nothing")
    }
    macro.delimiters = Array(inner)
    return macro
  }

  /// `domain-end` (RFC 7208 §7.1): a macro, or a dot and a label that is not only digits.
  private func checkEnd() throws(SPFStop) {
    guard case .literal(var literal)? = pieces.last else {
      if pieces.isEmpty { throw .permanent("a domain in it is empty") }
      return
    }
    if literal.last == UInt8(ascii: ".") { literal.removeLast() }
    guard let dot = literal.lastIndex(of: UInt8(ascii: ".")) else {
      throw .permanent("a domain in it has one label only")
    }
    let label = literal[(dot + 1)...]
    let hyphen = UInt8(ascii: "-")
    guard let first = label.first, let last = label.last, first != hyphen, last != hyphen,
      label.allSatisfy({ $0.isAlphanumeric || $0 == hyphen }), !label.allSatisfy(\.isDigit)
    else { throw .permanent("a domain in it ends in what is no top-level label") }
  }

  /// The text with the macros' values put in.
  func expanded(_ values: SPFMacroValues) -> [UInt8] {
    var result: [UInt8] = []
    for piece in pieces {
      switch piece {
      case .literal(let bytes), .escape(let bytes): result += bytes
      case .macro(let macro): result += Self.value(macro, values)
      }
    }
    return result
  }

  private static func value(_ macro: Macro, _ values: SPFMacroValues) -> [UInt8] {
    var value = values[macro.letter]
    if macro.kept != nil || macro.isReversed || !macro.delimiters.isEmpty {
      let delimiters = macro.delimiters.isEmpty ? [UInt8(ascii: ".")] : macro.delimiters
      var parts = value.split(omittingEmptySubsequences: false) { delimiters.contains($0) }
      if macro.isReversed { parts.reverse() }
      if let kept = macro.kept { parts = parts.suffix(kept) }
      value = Array(parts.joined(separator: [UInt8(ascii: ".")]))
    }
    return macro.isEscaped ? urlEscaped(value) : value
  }

  /// RFC 3986 §2.3: all but the unreserved characters.
  private static func urlEscaped(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return bytes.flatMap { byte in
      byte.isAlphanumeric || "-._~".utf8.contains(byte)
        ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
}

/// What macros stand for (RFC 7208 §7.2).
struct SPFMacroValues: Sendable {
  var local: [UInt8]
  var senderDomain: [UInt8]
  /// The domain whose record is being evaluated.
  var domain: [UInt8]
  var address: IPAddress
  var helo: [UInt8]
  /// `%{p}`.
  var validatedName: [UInt8] = Array("unknown".utf8)
  var receiver: [UInt8]
  var now: Moment

  subscript(letter: UInt8) -> [UInt8] {
    switch letter {
    case UInt8(ascii: "s"): local + [UInt8(ascii: "@")] + senderDomain
    case UInt8(ascii: "l"): local
    case UInt8(ascii: "o"): senderDomain
    case UInt8(ascii: "d"): domain
    case UInt8(ascii: "i"): dotted
    case UInt8(ascii: "p"): validatedName
    case UInt8(ascii: "v"): Array((address.isIPv4 ? "in-addr" : "ip6").utf8)
    case UInt8(ascii: "h"): helo
    case UInt8(ascii: "c"): Array(address.description.utf8)
    case UInt8(ascii: "r"): receiver
    case UInt8(ascii: "t"): Array("\(now.seconds)".utf8)
    default: []
    }
  }

  /// An IPv6 address as 32 hexadecimal digits with dots between them.
  private var dotted: [UInt8] {
    if address.isIPv4 { return Array(address.description.utf8) }
    let digits = Array("0123456789ABCDEF".utf8)
    let nibbles = address.bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return Array(nibbles.map { [$0] }.joined(separator: [UInt8(ascii: ".")]))
  }
}
