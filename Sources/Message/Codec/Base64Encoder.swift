/// Encodes a body as Base64 in lines of 76 characters (RFC 2045 §6.8), in pieces of any size.
public struct Base64Encoder: Sendable {
  static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  /// Octets in a full line.
  private static let lineOctets = 57
  private var pending: [UInt8] = []

  public init() {}

  public mutating func encode(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
    pending += piece
    var start = 0
    while pending.count - start >= Base64Encoder.lineOctets {
      output += Base64Encoder.line(pending[start..<(start + Base64Encoder.lineOctets)])
      output += [ASCII.cr, ASCII.lf]
      start += Base64Encoder.lineOctets
    }
    pending.removeFirst(start)
  }

  /// Gives out the last, shorter line.
  public mutating func finish(into output: inout [UInt8]) {
    if pending.isEmpty { return }
    output += Base64Encoder.line(pending)
    output += [ASCII.cr, ASCII.lf]
    pending = []
  }

  /// Everything in one line, padded.
  static func line(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity((bytes.count + 2) / 3 * 4)
    var group: UInt32 = 0
    var count = 0
    for byte in bytes {
      group = group << 8 | UInt32(byte)
      count += 1
      if count == 3 {
        emit(group, digits: 4, into: &output)
        (group, count) = (0, 0)
      }
    }
    if count > 0 {
      emit(group << (count == 1 ? 16 : 8), digits: count + 1, into: &output)
      output += Array(repeating: UInt8(ascii: "="), count: 3 - count)
    }
    return output
  }

  private static func emit(_ group: UInt32, digits: Int, into output: inout [UInt8]) {
    var shift: UInt32 = 18
    for _ in 0..<digits {
      output.append(alphabet[Int(group >> shift & 63)])
      shift &-= 6
    }
  }
}
