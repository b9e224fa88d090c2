/// A `sequence-set` (RFC 9051 §9): message sequence numbers or UIDs, with `*` for the largest and `$` for the saved
/// result of a search (RFC 5182 §2.1). What the numbers are depends on the command.
struct SequenceSet: Equatable, Sendable {
  enum Number: Equatable, Sendable {
    case value(UInt32)
    /// `*`
    case largest
  }

  struct Range: Equatable, Sendable {
    var first: Number
    var last: Number
  }

  var ranges: [Range] = []
  /// Whether `$` is in the set.
  var includesSaved = false

  /// Whether `*` is in the set: it cannot be resolved while the mailbox is empty.
  var mentionsLargest: Bool { ranges.contains { $0.first == .largest || $0.last == .largest } }

  /// The numbers meant, when `*` means `largest`: ascending, without overlap. The saved result is not in it.
  func resolved(largest: UInt32) -> [ClosedRange<UInt32>] {
    let plain = ranges.map { range in
      let a = range.first.resolved(largest)
      let b = range.last.resolved(largest)
      return min(a, b)...max(a, b)
    }
    return coalesced(plain)
  }

  /// The largest number that the set names when `*` means `largest`; nil if it has no number.
  func highest(largest: UInt32) -> UInt32? {
    ranges.map { max($0.first.resolved(largest), $0.last.resolved(largest)) }.max()
  }
}

extension SequenceSet.Number {
  fileprivate func resolved(_ largest: UInt32) -> UInt32 {
    switch self {
    case .value(let value): value
    case .largest: largest
    }
  }
}

/// The same numbers as ascending ranges that neither overlap nor touch.
func coalesced(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
  var result: [ClosedRange<UInt32>] = []
  for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
    if let last = result.last, range.lowerBound == 0 || range.lowerBound - 1 <= last.upperBound {
      result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    } else {
      result.append(range)
    }
  }
  return result
}

extension Scanner {
  mutating func sequenceSet() throws(SyntaxError) -> SequenceSet {
    var set = SequenceSet()
    repeat {
      if take("$") {
        set.includesSaved = true
        continue
      }
      let first = try sequenceNumber()
      let last = take(":") ? try sequenceNumber() : first
      set.ranges.append(SequenceSet.Range(first: first, last: last))
    } while take(",")
    return set
  }

  private mutating func sequenceNumber() throws(SyntaxError) -> SequenceSet.Number {
    if take("*") { return .largest }
    return .value(try nonZeroNumber("a message number"))
  }
}
