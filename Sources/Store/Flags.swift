/// The flags of one message in one mailbox as a bit set: IMAP's system flags, and the keywords of the mailbox.
///
/// Which word a keyword bit means is the mailbox's ``Keywords``.
public struct Flags: OptionSet, Hashable, Sendable {
  public let rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }

  public static let seen = Flags(rawValue: 1 << 0)
  public static let answered = Flags(rawValue: 1 << 1)
  public static let flagged = Flags(rawValue: 1 << 2)
  public static let deleted = Flags(rawValue: 1 << 3)
  public static let draft = Flags(rawValue: 1 << 4)

  /// All the system flags (`\Recent` is no flag here: see ``Mailbox/recentFrom``).
  public static let system: Flags = [.seen, .answered, .flagged, .deleted, .draft]
  /// All bits that stand for keywords.
  public static let keywords = Flags(rawValue: Int64.max & ~0xff)

  /// How many keywords a mailbox can hold at a time.
  public static let keywordLimit = 55

  /// - Parameter number: 0 ..< ``keywordLimit``; anything else gives the empty set.
  public static func keyword(_ number: Int) -> Flags {
    (0..<keywordLimit).contains(number) ? Flags(rawValue: 1 << Int64(number + 8)) : []
  }

  /// Numbers of the keywords that are set.
  public var keywordNumbers: [Int] { (0..<Self.keywordLimit).filter { contains(.keyword($0)) } }
}

/// The keywords of one mailbox: which word stands for which bit.
public struct Keywords: Hashable, Sendable {
  /// `nil` where a number is free.
  public internal(set) var names: [String?]

  public init(names: [String?] = []) { self.names = names }

  /// Compares without regard to the case of ASCII letters, as RFC 9051 §2.3.2 wants it.
  public func number(of name: String) -> Int? {
    names.firstIndex { $0.map { equalKeywords($0, name) } ?? false }
  }

  /// The words of a flag set, in the order of their numbers.
  public func words(in flags: Flags) -> [String] {
    flags.keywordNumbers.compactMap { $0 < names.count ? names[$0] : nil }
  }

  /// Whether each keyword bit of a flag set has its word here.
  public func cover(_ flags: Flags) -> Bool {
    var bits = UInt64(bitPattern: flags.intersection(.keywords).rawValue >> 8)
    while bits != 0 {
      let number = bits.trailingZeroBitCount
      guard number < names.count, names[number] != nil else { return false }
      bits &= bits - 1
    }
    return true
  }

  /// All words, in the order of their numbers.
  public var words: [String] { names.compactMap { $0 } }
}

func equalKeywords(_ a: String, _ b: String) -> Bool {
  func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
  return a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lowered($0) == lowered($1) }
}
