#if canImport(Glibc)
  import Glibc
#endif

/// Turns text of a character set into UTF-8 in pieces of any size. Octets that it does not have become U+FFFD.
///
/// `@unchecked Sendable`: it alone owns its `iconv` descriptor, which belongs to no thread, and it cannot be copied.
public struct CharsetDecoder: ~Copyable, @unchecked Sendable {
  /// nil for UTF-8, which needs no conversion.
  private let descriptor: iconv_t?
  /// The beginning of a character whose rest did not come yet.
  private var held: [UInt8] = []

  private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
  /// No character set needs more octets than this for a character, its escape sequences included.
  private static let longestCharacter = 16

  /// nil if the character set (its MIME name, in any case) is not known.
  public init?(_ name: some StringProtocol) {
    guard let target = CharsetNames.target(name) else { return nil }
    switch target {
    case .utf8: descriptor = nil
    case .iconv(let name):
      guard let opened = CharsetDecoder.open(name) else { return nil }
      descriptor = opened
    }
  }

  /// For text whose character set is not known: UTF-8 if it is that, else windows-1252.
  static func guess(for bytes: [UInt8]) -> CharsetDecoder {
    CharsetDecoder(UTF8Scan.isValid(bytes) ? "utf-8" : "windows-1252") ?? CharsetDecoder(descriptor: nil)
  }

  private init(descriptor: iconv_t?) { self.descriptor = descriptor }

  deinit { if let descriptor { iconv_close(descriptor) } }

  private static func open(_ name: String) -> iconv_t? {
    let opened = iconv_open("UTF-8", name)
    // POSIX: (iconv_t)-1 says that the conversion is not known.
    return opened == iconv_t(bitPattern: -1) ? nil : opened
  }

  /// Appends the piece as UTF-8 to `output`.
  public mutating func decode(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
    if descriptor == nil {
      decodeUTF8(held + piece, isLast: false, into: &output)
      return
    }
    var input = held.isEmpty ? piece : (held + piece)[...]
    held = []
    while !input.isEmpty {
      let taken = convert(input, into: &output)
      input = input.dropFirst(taken.count)
      switch taken.end {
      case .all: return
      case .incomplete where input.count < CharsetDecoder.longestCharacter:
        held = Array(input)
        return
      case .incomplete, .invalid:
        output += CharsetDecoder.replacement
        input = input.dropFirst()
      }
    }
  }

  /// Gives out what was held back. Call once, after the last piece.
  public mutating func finish(into output: inout [UInt8]) {
    if descriptor == nil {
      decodeUTF8(held, isLast: true, into: &output)
    } else if !held.isEmpty {
      output += CharsetDecoder.replacement
    }
    held = []
  }

  private mutating func decodeUTF8(_ bytes: [UInt8], isLast: Bool, into output: inout [UInt8]) {
    let tail = isLast ? 0 : UTF8Scan.incompleteTail(of: bytes[...])
    let whole = bytes.dropLast(tail)
    if UTF8Scan.isValid(whole) {
      output += whole
    } else {
      output += String(decoding: whole, as: UTF8.self).utf8
    }
    held = Array(bytes.suffix(tail))
  }

  private enum End { case all, incomplete, invalid }

  /// Converts as much as is well-formed.
  private func convert(_ input: ArraySlice<UInt8>, into output: inout [UInt8]) -> (count: Int, end: End) {
    var consumed = 0
    while true {
      var error: Int32 = 0
      let room = max(64, (input.count - consumed) * 3)
      let rest = input.dropFirst(consumed)
      let (written, read) = rest.withUnsafeBytes { source -> ([UInt8], Int) in
        // iconv takes a pointer to mutable memory, but never writes to its input.
        var from = UnsafeMutablePointer(mutating: source.bindMemory(to: CChar.self).baseAddress)
        var left = source.count
        let converted = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
          buffer.withMemoryRebound(to: CChar.self) { target in
            var to = target.baseAddress
            var space = target.count
            if iconv(descriptor, &from, &left, &to, &space) == -1 { error = errno }
            count = target.count - space
          }
        }
        return (converted, source.count - left)
      }
      output += written
      consumed += read
      switch error {
      case 0: return (consumed, .all)
      case E2BIG where read > 0 || !written.isEmpty: continue
      case EINVAL: return (consumed, .incomplete)
      default: return (consumed, .invalid)
      }
    }
  }
}
