#if canImport(Glibc)
  import Glibc
#endif

/// Watches the bytes of a message on their way out: a CR without LF, an LF without CR or a NUL never leaves
/// (RFC 5321 §2.3.8: such characters MUST NOT be sent; a receiver that takes one for the end of a line can
/// be made to see a second, forged message).
///
/// Fed in any pieces; remembers only whether the last byte was a CR.
struct ContentGuard: Sendable {
  /// What must not leave, and how many bytes into the message it stands.
  enum Finding: Hashable, Sendable {
    case bareCR(offset: Int)
    case bareLF(offset: Int)
    case nul(offset: Int)

    /// For the trace and the notice to the sender.
    var sentence: String {
      switch self {
      case .bareCR: "the message has a carriage return that ends no line"
      case .bareLF: "the message has a line feed that follows no carriage return"
      case .nul: "the message has a NUL character"
      }
    }
  }

  /// The first thing found; nothing after it is looked at.
  private(set) var finding: Finding?
  /// Bytes seen so far.
  private(set) var count = 0
  /// The bytes so far end with CRLF, or there are none.
  private(set) var endsInLine = true
  private var afterCR = false

  /// Looks at the next piece. `false`: it holds something that must not leave.
  @discardableResult
  mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard finding == nil, let base = bytes.baseAddress, bytes.count > 0 else { return finding == nil }
    func find(_ byte: Int32, from: Int, to: Int) -> Int? {
      guard from < to, let hit = memchr(base + from, byte, to - from) else { return nil }
      return UnsafeRawPointer(hit) - base
    }
    let nul = find(0, from: 0, to: bytes.count)
    let end = nul ?? bytes.count
    var start = 0
    if afterCR {
      guard bytes[0] == 10 else { return found(.bareCR(offset: count - 1)) }
      start = 1
    }
    afterCR = false
    // Line by line: the one CR of a line stands directly before its LF.
    while start < end {
      let lineFeed = find(10, from: start, to: end)
      let carriageReturn = find(13, from: start, to: lineFeed ?? end)
      switch (carriageReturn, lineFeed) {
      case (let cr?, let lf?) where cr == lf - 1: start = lf + 1
      case (let cr?, nil) where cr == end - 1 && nul == nil:
        afterCR = true
        start = end
      case (let cr?, _): return found(.bareCR(offset: count + cr))
      case (nil, let lf?): return found(.bareLF(offset: count + lf))
      case (nil, nil): start = end
      }
    }
    if let nul { return found(.nul(offset: count + nul)) }
    count += bytes.count
    endsInLine = bytes[bytes.count - 1] == 10
    return true
  }

  /// The message is complete. `false`: its last byte is a CR without LF, or something was found before.
  mutating func finish() -> Bool {
    guard finding == nil else { return false }
    return afterCR ? found(.bareCR(offset: count - 1)) : true
  }

  private mutating func found(_ what: Finding) -> Bool {
    finding = what
    return false
  }
}
