internal import Message

/// What may change on the way without breaking a signature (RFC 6376 §3.4).
public enum Canonicalization: String, Sendable, Hashable {
  /// Nothing, but for empty lines at the end of the body.
  case simple
  /// White space, and the case of field names.
  case relaxed

  /// Appends a field as it is signed, with its line end.
  func append(_ field: HeaderField, to result: inout [UInt8]) {
    append(name: field.name, body: field.body, whole: field.bytes, to: &result)
    if self == .relaxed || result.last != UInt8(ascii: "\n") { result += [13, 10] }
  }

  /// Appends the signature's own field: without its line end, and with an empty `b=` (RFC 6376 §3.7).
  ///
  /// - Parameter written: where the value of `b=` stands.
  func append(_ field: HeaderField, without written: Range<Int>, to result: inout [UInt8]) {
    let body = field.body[field.body.startIndex..<written.lowerBound] + field.body[written.upperBound...]
    let whole = field.bytes[field.bytes.startIndex..<field.body.startIndex] + body
    append(name: field.name, body: body, whole: whole, to: &result)
  }

  private func append(name: Octets, body: Octets, whole: Octets, to result: inout [UInt8]) {
    switch self {
    case .simple: result += whole
    case .relaxed:
      for byte in name { result.append(byte.lowered) }
      result.append(UInt8(ascii: ":"))
      body.withUnsafeBytes { Self.relax($0, into: &result) }
    }
  }

  /// RFC 6376 §3.4.2: folds undone, white space as one space, none at the ends.
  private static func relax(_ body: UnsafeRawBufferPointer, into result: inout [UInt8]) {
    var isPending = false
    let start = result.count
    for index in body.indices {
      let byte = body[index]
      switch byte {
      case 32, 9: isPending = true
      case 10: break
      case 13 where index + 1 < body.count && body[index + 1] == 10: break
      default:
        if isPending, result.count > start { result.append(32) }
        isPending = false
        result.append(byte)
      }
    }
  }
}
