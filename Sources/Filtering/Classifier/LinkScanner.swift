/// A link in running text or in an attribute: `http://` and what follows, to its end.
struct LinkScanner {
  /// Bytes of a link that are looked at.
  private static let limit = 400

  private enum State { case closed, colon, slash, inside }
  private var state = State.closed
  private var bytes: [UInt8] = []

  var isOpen: Bool { state != .closed }

  /// Whether the word whose last bytes these are is `http`, `https` or `ftp`.
  @inline(__always)
  static func isScheme(_ tail: UInt64, length: Int) -> Bool {
    // Without its case.
    let tail = tail | 0x2020_2020_2020_2020
    return switch length {
    case 4: tail & 0xFFFF_FFFF == 0x6874_7470
    case 5: tail & 0xFF_FFFF_FFFF == 0x68_7474_7073
    case 3: tail & 0xFF_FFFF == 0x66_7470
    default: false
    }
  }

  /// A colon stands behind the scheme.
  mutating func begin() { state = .colon }

  /// - Returns: whether the byte belongs to the link.
  mutating func take(_ byte: UInt8, into set: inout TokenSet) -> Bool {
    switch state {
    case .closed: return false
    case .colon, .slash:
      guard byte == UInt8(ascii: "/") else {
        state = .closed
        return false
      }
      state = state == .colon ? .slash : .inside
      return true
    case .inside:
      switch byte {
      case 0...32, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: ")"), 0x7F:
        end(into: &set)
        return false
      default:
        if bytes.count < Self.limit { bytes.append(byte) }
        return true
      }
    }
  }

  mutating func end(into set: inout TokenSet) {
    if state == .inside { Self.tokens(of: bytes[...], into: &set) }
    state = .closed
    bytes.removeAll(keepingCapacity: true)
  }

  /// The tokens of what stands behind `://`: the host, the domains above it, what is odd about it, and words of the path.
  static func tokens(of link: ArraySlice<UInt8>, into set: inout TokenSet) {
    let authorityEnd = link.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 || $0 == 0x5C } ?? link.endIndex
    var host = link[..<authorityEnd]
    if let at = host.lastIndex(of: UInt8(ascii: "@")) {
      host = host[(at + 1)...]
      mark(1, into: &set)
    }
    if let colon = host.lastIndex(of: UInt8(ascii: ":")) {
      host = host[..<colon]
      mark(2, into: &set)
    }
    if host.contains(UInt8(ascii: "%")) { mark(3, into: &set) }
    if !host.isEmpty, host.allSatisfy({ $0 &- 48 < 10 || $0 == UInt8(ascii: ".") }) { mark(4, into: &set) }
    hostTokens(of: host, place: Token.Place.link.rawValue, into: &set)
    pathTokens(of: link[authorityEnd...], into: &set)
  }

  /// A host, and the domains above it down to two labels.
  static func hostTokens(of host: ArraySlice<UInt8>, place: UInt64, into set: inout TokenSet) {
    var rest = host
    while rest.last == UInt8(ascii: ".") { rest.removeLast() }
    var labels = 0
    while !rest.isEmpty, labels < 8 {
      set.insert(Token.finished(Token.addingLowercased(rest, to: place)))
      labels += 1
      guard let dot = rest.firstIndex(of: UInt8(ascii: ".")) else { return }
      rest = rest[(dot + 1)...]
    }
  }

  private static func mark(_ number: UInt64, into set: inout TokenSet) {
    set.insert(Token.finished(Token.adding(number: number, to: Token.Place.link.rawValue)))
  }

  private static func pathTokens(of path: ArraySlice<UInt8>, into set: inout TokenSet) {
    var hash = Token.adding(number: 9, to: Token.Place.link.rawValue)
    let start = hash
    var length = 0
    for byte in path {
      let letter = Token.lowercased(byte)
      if letter &- 97 < 26 || letter &- 48 < 10 {
        hash = Token.adding(letter, to: hash)
        length += 1
      } else {
        if (3...20).contains(length) { set.insert(Token.finished(hash)) }
        (hash, length) = (start, 0)
      }
    }
    if (3...20).contains(length) { set.insert(Token.finished(hash)) }
  }
}
