/// Watches the bytes of a message on their way out: a CR without LF, an LF without CR or a NUL never leaves
/// (RFC 5321 §2.3.8: such characters MUST NOT be sent; a receiver that takes one for the end of a line can
/// be made to see a second, forged message).
///
/// Fed in any pieces; remembers only whether the last byte was a CR.
public struct ContentGuard: Sendable {
  /// What must not leave, and how many bytes into the message it stands.
  public enum Finding: Hashable, Sendable {
    case bareCR(offset: Int)
    case bareLF(offset: Int)
    case nul(offset: Int)

    /// For the trace and the notice to the sender.
    public var sentence: String {
      switch self {
      case .bareCR: "the message has a carriage return that ends no line"
      case .bareLF: "the message has a line feed that follows no carriage return"
      case .nul: "the message has a NUL character"
      }
    }
  }

  /// The first thing found; nothing after it is looked at.
  public private(set) var finding: Finding?
  /// Whether a byte above 127 has passed.
  public private(set) var has8bit = false
  /// Bytes seen so far.
  public private(set) var count = 0
  /// Whether the last two bytes were CRLF.
  public private(set) var endsInLine = true
  private var afterCR = false

  public init() {}

  /// Looks at the next piece. `false`: it holds something that must not leave.
  @discardableResult
  public mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard finding == nil else { return false }
    var wasCR = afterCR
    var high: UInt8 = 0
    for (index, byte) in bytes.enumerated() {
      high |= byte
      // Everything of interest is below 14; text nearly never is.
      guard wasCR || byte < 14 else { continue }
      if wasCR {
        guard byte == 10 else { return found(.bareCR(offset: count + index - 1)) }
        wasCR = false
      } else if byte == 13 {
        wasCR = true
      } else if byte == 10 {
        return found(.bareLF(offset: count + index))
      } else if byte == 0 {
        return found(.nul(offset: count + index))
      }
    }
    if high >= 0x80 { has8bit = true }
    count += bytes.count
    afterCR = wasCR
    if let last = bytes.last { endsInLine = last == 10 }
    return true
  }

  /// The message is complete. `false`: its last byte is a CR without LF, or something was found before.
  public mutating func finish() -> Bool {
    guard finding == nil else { return false }
    return afterCR ? found(.bareCR(offset: count - 1)) : true
  }

  private mutating func found(_ what: Finding) -> Bool {
    finding = what
    return false
  }
}
