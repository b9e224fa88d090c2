@testable import Message

extension String {
  var bytes: [UInt8] { Array(utf8) }
  /// The same with CRLF for each LF, as tests write messages.
  var crlf: [UInt8] { Array(replacing("\n", with: "\r\n").utf8) }

  private func replacing(_ old: Character, with new: String) -> String {
    split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
  }
}

extension Sequence<UInt8> {
  var text: String { String(decoding: Array(self), as: UTF8.self) }
}

/// Random numbers that are the same in each run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A message scanned in one piece.
func scanned(_ message: [UInt8], limits: MIMEScanner.Limits = .init()) -> (
  header: HeaderSection, body: [UInt8], structure: MIMEStructure
) {
  let header = HeaderSection(message)
  let body = Array(message[header.bytes.count...])
  return (header, body, MIMEScanner.scan(header: header, body: body[...], limits: limits))
}

func scanned(_ message: String) -> (header: HeaderSection, body: [UInt8], structure: MIMEStructure) {
  scanned(message.crlf)
}

extension MIMEStructure {
  /// `multipart/mixed(text/plain,image/png)`
  func outline(_ index: Int = 0) -> String {
    let part = parts[index]
    let name = part.kind == .opaque ? "opaque" : part.type.name
    return part.children.isEmpty ? name : "\(name)(\(part.children.map { outline($0) }.joined(separator: ",")))"
  }
}
