internal import Message

/// Takes a part out of its transfer encoding, a piece at a time. Text comes with CRLF at the ends of its lines, however it
/// was encoded (RFC 9051 §7.5.2).
struct PartDecoder {
  private var decoder: TransferDecoder
  private let isText: Bool
  private var lastWasCR = false

  /// Nil for an encoding that nobody knows.
  init?(_ part: MIMEPart) {
    guard let decoder = TransferDecoder(part.encoding) else { return nil }
    self.decoder = decoder
    isText = part.type.matches("text")
  }

  mutating func decode(_ piece: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(piece.count)
    decoder.decode(piece[...], into: &output)
    return normalised(output)
  }

  mutating func finish() -> [UInt8] {
    var output: [UInt8] = []
    decoder.finish(into: &output)
    return normalised(output)
  }

  private mutating func normalised(_ octets: [UInt8]) -> [UInt8] {
    guard isText, !octets.isEmpty else { return octets }
    var result: [UInt8] = []
    result.reserveCapacity(octets.count)
    for octet in octets {
      if octet == 0x0A, !lastWasCR { result.append(0x0D) }
      result.append(octet)
      lastWasCR = octet == 0x0D
    }
    return result
  }
}
