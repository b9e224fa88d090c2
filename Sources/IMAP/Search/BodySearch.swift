internal import Message

/// Looks for texts in one message: in the decoded text of its parts, and in the decoded headers of the message and its
/// parts (RFC 9051 §6.4.4). Parts that are no text are left out.
///
/// The message is handed in as a function that gives ranges of its body, so that it can be read from wherever it is, a
/// piece at a time.
struct BodySearch {
  private let needles: [String]
  private(set) var found: [(body: Bool, headers: Bool)]

  /// Octets of a body that are read at a time.
  private static let piece = 65_536

  init(_ needles: [String]) {
    self.needles = needles
    found = needles.map { _ in (false, false) }
  }

  /// - Parameter read: octets of the body in a range; fewer at its end.
  mutating func search(
    header: HeaderSection, structure: MIMEStructure, read: (Range<Int>) throws -> [UInt8]
  ) rethrows {
    searchHeader(header, isInBody: false)
    for part in structure.parts where !isDone {
      if !part.header.isEmpty {
        // The header of an embedded message is part of this message's text; that of a part is not (TEXT only).
        let isInBody = part.parent.map { structure.parts[$0].kind == .message } ?? false
        searchHeader(HeaderSection(try read(part.header)), isInBody: isInBody)
      }
      guard Self.isSearched(part) else { continue }
      try searchText(part, read)
    }
  }

  private var isDone: Bool { found.allSatisfy { $0.body && $0.headers } }

  private static func isSearched(_ part: MIMEPart) -> Bool {
    part.kind == .opaque || (part.kind == .leaf && (part.type.matches("text") || part.type.matches("message")))
  }

  private mutating func searchHeader(_ header: HeaderSection, isInBody: Bool) {
    for field in header {
      let text = "\(field.nameText): \(field.text)"
      for index in needles.indices where isInBody ? !found[index].body : !found[index].headers {
        guard TextSearch.contains(text, needles[index]) else { continue }
        if isInBody { found[index].body = true } else { found[index].headers = true }
      }
    }
  }

  private mutating func searchText(_ part: MIMEPart, _ read: (Range<Int>) throws -> [UInt8]) rethrows {
    var searches = needles.enumerated().filter { !found[$0.offset].body }.map { ($0.offset, TextSearch($0.element)) }
    guard !searches.isEmpty else { return }
    var transfer = TransferDecoder(part.encoding)
    var charset = part.type.charset.flatMap { CharsetDecoder($0) } ?? CharsetDecoder("utf-8")
    var position = part.body.lowerBound
    func take(_ octets: [UInt8]) {
      var text: [UInt8] = []
      if charset != nil { charset?.decode(octets[...], into: &text) } else { text = octets }
      for index in searches.indices { searches[index].1.append(text[...]) }
    }
    while position < part.body.upperBound, !searches.allSatisfy(\.1.isFound) {
      let octets = try read(position..<min(position + Self.piece, part.body.upperBound))
      guard !octets.isEmpty else { break }
      position += octets.count
      var decoded: [UInt8] = []
      if transfer != nil { transfer?.decode(octets[...], into: &decoded) } else { decoded = octets }
      take(decoded)
    }
    var rest: [UInt8] = []
    transfer?.finish(into: &rest)
    take(rest)
    for (index, search) in searches where search.isFound { found[index].body = true }
  }
}
