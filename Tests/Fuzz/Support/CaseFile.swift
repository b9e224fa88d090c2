#if canImport(Glibc)
  import Glibc
#endif

/// Inputs as a text file, one a line: printable ASCII as it is, `\\` for a backslash, `\xHH` for everything else. Lines that
/// begin with `#` are remarks.
enum CaseFile {
  static func read(_ path: String) -> [[UInt8]] {
    bytes(of: path).split(separator: 10).filter { $0.first != UInt8(ascii: "#") }.map(unescaped)
  }

  static func escaped(_ bytes: [UInt8]) -> String {
    var result = ""
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "\\"): result += "\\\\"
      case UInt8(ascii: "#") where index == 0: result += hex(byte)
      case 32...126: result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += hex(byte)
      }
    }
    return result
  }

  private static func hex(_ byte: UInt8) -> String { "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }

  private static func unescaped(_ line: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = line
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let next = rest.popFirst(), next == UInt8(ascii: "x") else {
        // A doubled backslash is one.
        result.append(byte)
        continue
      }
      result.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
      rest = rest.dropFirst(2)
    }
    return result
  }

  /// The bytes of a file; none if it is not there.
  static func bytes(of path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var result: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&piece, 1, piece.count, file)
      guard count > 0 else { return result }
      result += piece[..<count]
    }
  }
}
