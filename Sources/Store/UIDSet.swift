/// A set of UIDs as sorted, disjoint, not adjacent ranges: small for the sets that clients name.
public struct UIDSet: Hashable, Sendable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// Ascending; between two of them at least one UID is missing.
  public private(set) var ranges: [ClosedRange<UID>] = []

  public init() {}

  public init(_ range: ClosedRange<UID>) { ranges = [range] }

  /// The union of ranges in any order.
  public init(ranges: some Sequence<ClosedRange<UID>>) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(range) }
  }

  /// UIDs in any order, doubles allowed.
  public init(_ uids: some Sequence<UID>) {
    for uid in uids.sorted() { append(uid...uid) }
  }

  public init(arrayLiteral uids: UID...) { self.init(uids) }

  /// Every UID there can be.
  public static let all = UIDSet(1...UID.max)

  public var isEmpty: Bool { ranges.isEmpty }

  /// How many UIDs are in the set.
  public var count: Int { ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }

  public var first: UID? { ranges.first?.lowerBound }
  public var last: UID? { ranges.last?.upperBound }

  /// The members in ascending order. Endless for practical purposes when the set is ``all``.
  public var uids: some Sequence<UID> { ranges.lazy.flatMap { $0 } }

  /// The ranges in which to look for the members: those with small gaps between them as one. To step over a few rows costs
  /// less than another query.
  var spans: [ClosedRange<UID>] {
    var result: [ClosedRange<UID>] = []
    for range in ranges {
      if let last = result.last, range.lowerBound - last.upperBound <= 32 {
        result[result.count - 1] = last.lowerBound...range.upperBound
      } else {
        result.append(range)
      }
    }
    return result
  }

  public func contains(_ uid: UID) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < uid { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= uid
  }

  public mutating func insert(_ uid: UID) { insert(uid...uid) }

  public mutating func insert(_ range: ClosedRange<UID>) {
    if let last = ranges.last, range.lowerBound < last.lowerBound {
      self = UIDSet(ranges: ranges + [range])
    } else {
      append(range)
    }
  }

  public func union(_ other: UIDSet) -> UIDSet { UIDSet(ranges: ranges + other.ranges) }

  public func intersection(_ other: UIDSet) -> UIDSet {
    var result = UIDSet()
    var (i, j) = (0, 0)
    while i < ranges.count, j < other.ranges.count {
      let (a, b) = (ranges[i], other.ranges[j])
      let low = max(a.lowerBound, b.lowerBound)
      let high = min(a.upperBound, b.upperBound)
      if low <= high { result.append(low...high) }
      if a.upperBound < b.upperBound { i += 1 } else { j += 1 }
    }
    return result
  }

  public func subtracting(_ other: UIDSet) -> UIDSet {
    var result = UIDSet()
    var j = 0
    for range in ranges {
      var low: UID? = range.lowerBound
      while j < other.ranges.count, other.ranges[j].upperBound < range.lowerBound { j += 1 }
      var k = j
      while let start = low, k < other.ranges.count, other.ranges[k].lowerBound <= range.upperBound {
        let hole = other.ranges[k]
        if hole.lowerBound > start { result.append(start...(hole.lowerBound - 1)) }
        low = hole.upperBound < range.upperBound ? max(start, hole.upperBound + 1) : nil
        k += 1
      }
      if let start = low { result.append(start...range.upperBound) }
    }
    return result
  }

  /// The form of IMAP's `sequence-set`, as `1:3,5` (RFC 9051 §9). Empty for the empty set.
  public var description: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ",")
  }

  /// Adds a range that starts no earlier than the last one.
  private mutating func append(_ range: ClosedRange<UID>) {
    guard let last = ranges.last else {
      ranges.append(range)
      return
    }
    if last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
      ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    } else {
      ranges.append(range)
    }
  }
}

extension UIDSet {
  /// For the database: gap and length of each range, as variable-length numbers of seven bits a byte.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    var position: UInt32 = 0
    for range in ranges {
      bytes.appendVariable(range.lowerBound - position)
      bytes.appendVariable(range.upperBound - range.lowerBound)
      position = range.upperBound
    }
    return bytes
  }

  /// - Returns: `nil` when the bytes are no encoded set.
  init?(encoded bytes: [UInt8]) {
    var rest = bytes[...]
    var position: UInt32 = 0
    while !rest.isEmpty {
      guard let gap = rest.takeVariable(), let length = rest.takeVariable() else { return nil }
      let (low, lowOverflow) = position.addingReportingOverflow(gap)
      let (high, highOverflow) = low.addingReportingOverflow(length)
      guard !lowOverflow, !highOverflow else { return nil }
      append(low...high)
      position = high
    }
  }
}

extension [UInt8] {
  fileprivate mutating func appendVariable(_ number: UInt32) {
    var rest = number
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }
}

extension ArraySlice<UInt8> {
  fileprivate mutating func takeVariable() -> UInt32? {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = popFirst() {
      number |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return UInt32(exactly: number) }
      shift += 7
      if shift > 28 { return nil }
    }
    return nil
  }
}
