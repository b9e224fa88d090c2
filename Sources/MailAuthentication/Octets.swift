/// A piece of a header field or a record.
typealias Octets = ArraySlice<UInt8>

extension UInt8 {
  @inline(__always) var isBlank: Bool { self == 32 || self == 9 }
  /// White space as it stands in folded fields.
  @inline(__always) var isFoldingSpace: Bool { self == 32 || self == 9 || self == 13 || self == 10 }
  @inline(__always) var isDigit: Bool { self &- 48 < 10 }
  @inline(__always) var isLetter: Bool { (self | 32) &- 97 < 26 }
  @inline(__always) var isAlphanumeric: Bool { isDigit || isLetter }
  @inline(__always) var lowered: UInt8 { self &- 65 < 26 ? self | 32 : self }
}

extension ArraySlice<UInt8> {
  /// Without white space and line ends at both ends.
  var trimmed: ArraySlice<UInt8> {
    var slice = self
    while let first = slice.first, first.isFoldingSpace { slice.removeFirst() }
    while let last = slice.last, last.isFoldingSpace { slice.removeLast() }
    return slice
  }

  /// Without any white space and line ends.
  var withoutSpace: ArraySlice<UInt8> {
    guard contains(where: \.isFoldingSpace) else { return self }
    return filter { !$0.isFoldingSpace }[...]
  }

  /// Whether these are exactly the octets of an ASCII text.
  func equals(_ text: String) -> Bool { elementsEqual(text.utf8) }

  /// The same in any case.
  func equalsIgnoringCase(_ text: String) -> Bool {
    count == text.utf8.count && zip(self, text.utf8).allSatisfy { $0.lowered == $1.lowered }
  }

  func beginsIgnoringCase(_ text: String) -> Bool {
    count >= text.utf8.count && prefix(text.utf8.count).equalsIgnoringCase(text)
  }

  /// As text; what is no UTF-8 becomes U+FFFD.
  var text: String { String(decoding: self, as: UTF8.self) }

  var lowercasedText: String { String(decoding: self.lazy.map(\.lowered), as: UTF8.self) }

  /// A number of decimal digits only. One that is too large for the type is the largest.
  var number: Int64? {
    guard !isEmpty, allSatisfy(\.isDigit) else { return nil }
    var value: Int64 = 0
    for digit in self {
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, tooLargeThen) = product.addingReportingOverflow(Int64(digit &- 48))
      if tooLarge || tooLargeThen { return .max }
      value = sum
    }
    return value
  }
}
