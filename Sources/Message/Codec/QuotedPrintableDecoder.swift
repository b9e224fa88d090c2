/// Decodes quoted-printable in pieces (RFC 2045 §6.7), tolerantly: white space at line ends is dropped, a `=` that
/// encodes nothing stays as it is.
public struct QuotedPrintableDecoder: Sendable {
  /// Octets whose meaning the next ones decide: blanks before a line end, or an unfinished `=XY`.
  private var held: [UInt8] = []
  /// There was an escape that is none.
  public private(set) var isDamaged = false

  /// A run of blanks longer than this is passed on, whatever follows: memory stays bounded.
  private static let blankLimit = 1000

  public init() {}

  public mutating func decode(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
    for byte in piece { take(byte, into: &output) }
  }

  /// Gives out what was held back. Returns whether everything was as it should be.
  public mutating func finish(into output: inout [UInt8]) -> Bool {
    // A `=` at the very end is a soft line break whose line end is missing; blanks at the end are padding.
    if let first = held.first, first == UInt8(ascii: "="), held.count > 1 {
      isDamaged = true
      output += held
    } else if held == [ASCII.cr] {
      output += held
    }
    held = []
    return !isDamaged
  }

  private mutating func take(_ byte: UInt8, into output: inout [UInt8]) {
    guard let first = held.first else {
      if byte == UInt8(ascii: "=") || ASCII.isBlank(byte) { held.append(byte) } else { output.append(byte) }
      return
    }
    if first == UInt8(ascii: "=") { escape(byte, into: &output) } else { blanks(byte, into: &output) }
  }

  private mutating func blanks(_ byte: UInt8, into output: inout [UInt8]) {
    if ASCII.isBlank(byte), held.count < QuotedPrintableDecoder.blankLimit {
      held.append(byte)
      return
    }
    if byte != ASCII.cr && byte != ASCII.lf { output += held }
    held = []
    take(byte, into: &output)
  }

  private mutating func escape(_ byte: UInt8, into output: inout [UInt8]) {
    let second = held.count > 1 ? held[1] : nil
    switch second {
    case nil:
      if ASCII.hexValue(byte) != nil || ASCII.isSpace(byte) && byte != ASCII.lf {
        held.append(byte)
      } else if byte == ASCII.lf {
        held = []
      } else {
        giveUp(byte, into: &output)
      }
    case .some(let high) where ASCII.hexValue(high) != nil:
      if let upper = ASCII.hexValue(high), let lower = ASCII.hexValue(byte) {
        output.append(upper << 4 | lower)
        held = []
      } else {
        giveUp(byte, into: &output)
      }
    default:
      // A soft line break: `=`, perhaps blanks, CRLF. Held are `=` and blanks or CR.
      if byte == ASCII.lf {
        held = []
      } else if ASCII.isBlank(byte) || byte == ASCII.cr, held.count < QuotedPrintableDecoder.blankLimit,
        held.last != ASCII.cr
      {
        held.append(byte)
      } else {
        giveUp(byte, into: &output)
      }
    }
  }

  private mutating func giveUp(_ byte: UInt8, into output: inout [UInt8]) {
    isDamaged = true
    output += held
    held = []
    take(byte, into: &output)
  }
}
