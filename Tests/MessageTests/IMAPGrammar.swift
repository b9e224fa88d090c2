/// A strict reader of `envelope` and `body` (RFC 3501 §9), to prove that nothing else is ever written.
struct IMAPGrammar {
  private let bytes: [UInt8]
  private var position = 0
  private let allowsUTF8: Bool

  struct Broken: Error { var position: Int }

  static func isEnvelope(_ bytes: [UInt8], utf8: Bool = false) -> Bool {
    var reader = IMAPGrammar(bytes, utf8)
    return (try? reader.envelope()) != nil && reader.position == bytes.count
  }

  static func isBody(_ bytes: [UInt8], extended: Bool, utf8: Bool = false) -> Bool {
    var reader = IMAPGrammar(bytes, utf8)
    return (try? reader.body(extended)) != nil && reader.position == bytes.count
  }

  private init(_ bytes: [UInt8], _ utf8: Bool) { (self.bytes, allowsUTF8) = (bytes, utf8) }

  private func broken() -> Broken { Broken(position: position) }

  private mutating func take(_ text: String) throws {
    guard bytes[position...].starts(with: text.utf8) else { throw broken() }
    position += text.utf8.count
  }

  private func isNext(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func nstring() throws {
    if isNext("NIL") { try take("NIL") } else { _ = try string() }
  }

  private mutating func string() throws -> String {
    isNext("{") ? try literal() : try quoted()
  }

  private mutating func quoted() throws -> String {
    try take("\"")
    var value: [UInt8] = []
    while position < bytes.count {
      var byte = bytes[position]
      position += 1
      switch byte {
      case 0x22:
        guard allowsUTF8 || value.allSatisfy({ $0 < 128 }), let text = String(validating: value, as: UTF8.self) else {
          throw broken()
        }
        return text
      case 0x5C:
        guard position < bytes.count, bytes[position] == 0x22 || bytes[position] == 0x5C else { throw broken() }
        byte = bytes[position]
        position += 1
        value.append(byte)
      case 0, 13, 10: throw broken()
      default: value.append(byte)
      }
    }
    throw broken()
  }

  private mutating func literal() throws -> String {
    try take("{")
    let size = try number()
    try take("}\r\n")
    guard size <= bytes.count - position else { throw broken() }
    let value = bytes[position..<(position + size)]
    guard !value.contains(0) else { throw broken() }
    position += size
    return String(decoding: value, as: UTF8.self)
  }

  private mutating func number() throws -> Int {
    let digits = bytes[position...].prefix { $0 >= 48 && $0 < 58 }
    guard !digits.isEmpty, let value = Int(String(decoding: digits, as: UTF8.self)) else { throw broken() }
    position += digits.count
    return value
  }

  mutating func envelope() throws {
    try take("(")
    try nstring()
    try take(" ")
    try nstring()
    for _ in 0..<6 {
      try take(" ")
      try addresses()
    }
    try take(" ")
    try nstring()
    try take(" ")
    try nstring()
    try take(")")
  }

  private mutating func addresses() throws {
    if isNext("NIL") { return try take("NIL") }
    try take("(")
    repeat {
      try take("(")
      for position in 0..<4 {
        if position > 0 { try take(" ") }
        try nstring()
      }
      try take(")")
    } while !isNext(")")
    try take(")")
  }

  mutating func body(_ extended: Bool) throws {
    try take("(")
    if isNext("(") { try multipart(extended) } else { try single(extended) }
    try take(")")
  }

  private mutating func multipart(_ extended: Bool) throws {
    repeat { try body(extended) } while isNext("(")
    try take(" ")
    _ = try string()
    guard extended else { return }
    try take(" ")
    try parameters()
    try rest()
  }

  private mutating func single(_ extended: Bool) throws {
    let type = try string().uppercased()
    try take(" ")
    let subtype = try string().uppercased()
    try take(" ")
    try parameters()
    try take(" ")
    try nstring()
    try take(" ")
    try nstring()
    try take(" ")
    _ = try string()
    try take(" ")
    _ = try number()
    if type == "MULTIPART" { throw broken() }
    if type == "MESSAGE", subtype == "RFC822" || subtype == "GLOBAL" {
      try take(" ")
      try envelope()
      try take(" ")
      try body(extended)
      try take(" ")
      _ = try number()
    } else if type == "TEXT" {
      try take(" ")
      _ = try number()
    }
    guard extended else { return }
    try take(" ")
    try nstring()
    try rest()
  }

  /// Disposition, language, location.
  private mutating func rest() throws {
    try take(" ")
    if isNext("NIL") {
      try take("NIL")
    } else {
      try take("(")
      _ = try string()
      try take(" ")
      try parameters()
      try take(")")
    }
    try take(" ")
    if isNext("(") {
      try take("(")
      _ = try string()
      while isNext(" ") {
        try take(" ")
        _ = try string()
      }
      try take(")")
    } else {
      try nstring()
    }
    try take(" ")
    try nstring()
  }

  private mutating func parameters() throws {
    if isNext("NIL") { return try take("NIL") }
    try take("(")
    repeat {
      if isNext(" ") { try take(" ") }
      _ = try string()
      try take(" ")
      _ = try string()
    } while isNext(" ")
    try take(")")
  }
}
