internal import Message

/// An APPEND up to its message (RFC 9051 §6.3.12, RFC 3516 §4.4, RFC 6855 §4).
///
/// The message is never part of the command in memory: the session reads it from the connection into the store.
struct AppendRequest: Equatable, Sendable {
  var mailbox: [UInt8]
  var flags: FlagList
  /// With the zone that the client wrote.
  var internalDate: HeaderDate?
  /// Whether the message came as `UTF8 (~{n}`: then a `)` follows it.
  var isUTF8: Bool
  var literal: LiteralAnnouncement
}

extension Scanner {
  /// Reads the arguments when the octets end with the announcement of a literal. Throws
  /// ``SyntaxError/awaitingLiteral`` if that literal is the name of the mailbox and not the message.
  mutating func appendRequest() throws(SyntaxError) -> AppendRequest {
    let mailbox = try astring("the name of a mailbox")
    try space()
    var flags = FlagList()
    if peek() == UInt8(ascii: "(") {
      flags = try flagList()
      try space()
    }
    var date: HeaderDate?
    if peek() == UInt8(ascii: "\"") {
      date = try dateTime()
      try space()
    }
    var isUTF8 = false
    if take(word: "UTF8") {
      try space()
      try expect("(", "( before the message")
      isUTF8 = true
    }
    let literal = try literalAnnouncement()
    guard !isUTF8 || literal.isBinary else { throw .malformed("After UTF8, the message must be a literal8") }
    try end()
    return AppendRequest(mailbox: mailbox, flags: flags, internalDate: date, isUTF8: isUTF8, literal: literal)
  }
}
