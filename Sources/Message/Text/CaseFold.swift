/// Folds case for comparison, one character for one.
enum CaseFold {
  /// Folded UTF-8. Octets that are no UTF-8 stay as they are.
  static func fold(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    append(bytes[...], to: &output)
    return output
  }

  /// Appends the folded octets. The piece must not end inside a character.
  static func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      if byte < 0x80 {
        output.append(ASCII.lower(byte))
        index += 1
      } else if let (scalar, length) = UTF8Scan.scalar(in: bytes, at: index) {
        if let folded = UTF8.encode(fold(scalar)) { output += folded }
        index += length
      } else {
        output.append(byte)
        index += 1
      }
    }
  }

  /// The lower case of the upper case, where each is one character: so that all forms of a letter meet (σ and ς, k
  /// and K).
  static func fold(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    if scalar.value < tableSize { return table[Int(scalar.value)] }
    // Scripts without case, which are most of the rest: Kana to Yi, Hangul.
    if (0x3000...0xA63F).contains(scalar.value) || (0xAC00...0xD7FF).contains(scalar.value) { return scalar }
    return computed(scalar)
  }

  /// Asking the standard library for each letter takes a hundred times as long as looking it up.
  private static let tableSize = 0x3000
  private static let table: [Unicode.Scalar] = (0..<UInt32(tableSize)).map { value in
    Unicode.Scalar(value).map(computed) ?? "\u{FFFD}"
  }

  private static func computed(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let upper = single(scalar.properties.uppercaseMapping) ?? scalar
    return single(upper.properties.lowercaseMapping) ?? scalar
  }

  private static func single(_ text: String) -> Unicode.Scalar? {
    let scalars = text.unicodeScalars
    guard let first = scalars.first, scalars.count == 1 else { return nil }
    return first
  }
}
