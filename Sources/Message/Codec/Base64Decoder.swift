/// Decodes Base64 in pieces, tolerantly: octets outside the alphabet are skipped (RFC 2045 §6.8), data behind
/// padding begins anew, and an incomplete end gives the octets that are whole.
public struct Base64Decoder: Sendable {
  private var group: UInt32 = 0
  private var digits = 0
  private var paddings = 0
  /// There was something that is neither of the alphabet nor white space, or wrong padding.
  public private(set) var isDamaged = false

  public init() {}

  public mutating func decode(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
    output.reserveCapacity(output.count + piece.count / 4 * 3 + 3)
    for byte in piece {
      let value = Base64Decoder.values[Int(byte)]
      if value < 64 {
        if paddings > 0 { restart() }
        group = group << 6 | UInt32(value)
        digits += 1
        if digits == 4 {
          output.append(UInt8(truncatingIfNeeded: group >> 16))
          output.append(UInt8(truncatingIfNeeded: group >> 8))
          output.append(UInt8(truncatingIfNeeded: group))
          (group, digits) = (0, 0)
        }
      } else if byte == UInt8(ascii: "=") {
        pad(into: &output)
      } else if !ASCII.isSpace(byte) {
        isDamaged = true
      }
    }
  }

  /// Gives out what is whole of an incomplete group. Returns whether everything was as it should be.
  public mutating func finish(into output: inout [UInt8]) -> Bool {
    if digits > 0 {
      isDamaged = true
      flush(into: &output)
    }
    if paddings > 0, digits == 0, expected != paddings { isDamaged = true }
    return !isDamaged
  }

  /// How many `=` belong to the group that ended.
  private var expected = 0

  private mutating func pad(into output: inout [UInt8]) {
    if paddings == 0 {
      expected = digits == 2 ? 2 : digits == 3 ? 1 : 0
      if expected == 0 { isDamaged = true }
      flush(into: &output)
    }
    paddings += 1
    if paddings > expected { isDamaged = true }
  }

  private mutating func flush(into output: inout [UInt8]) {
    switch digits {
    case 2:
      if group & 0xF != 0 { isDamaged = true }
      output.append(UInt8(truncatingIfNeeded: group >> 4))
    case 3:
      if group & 0x3 != 0 { isDamaged = true }
      output.append(UInt8(truncatingIfNeeded: group >> 10))
      output.append(UInt8(truncatingIfNeeded: group >> 2))
    case 1: isDamaged = true
    default: break
    }
    (group, digits) = (0, 0)
  }

  /// Two pieces of Base64 were put one behind the other.
  private mutating func restart() {
    isDamaged = true
    paddings = 0
  }

  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (value, byte) in Base64Encoder.alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
    return table
  }()
}
