extension TransferEncoding {
  static func parse(_ bytes: [UInt8]) -> TransferEncoding {
    var text = StructuredText(bytes)
    text.skipBlanksAndComments()
    let found = text.next == ASCII.quote ? text.quotedString().prefix { StructuredText.isTokenOctet($0) } : text.token()
    let name = String(decoding: ASCII.lowercased(found.prefix(64)), as: UTF8.self)
    switch name {
    case "", "7bit": return .sevenBit
    case "8bit": return .eightBit
    case "binary": return .binary
    case "quoted-printable": return .quotedPrintable
    case "base64": return .base64
    default: return .unknown(name.uppercased())
    }
  }
}
