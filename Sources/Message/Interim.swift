enum HeaderWriter {
  static func field(name: String, text: String) -> [UInt8] { Array("\(name): \(text)\r\n".utf8) }
}
enum AddrSpec {
  static func parse(_ bytes: [UInt8]) -> (String, String)? {
    guard let text = String(validating: bytes, as: UTF8.self), let at = text.lastIndex(of: "@") else { return nil }
    return (String(text[..<at]), String(text[text.index(after: at)...]))
  }
  static func isLocalPart(_ text: String) -> Bool { !text.isEmpty }
  static func isDomain(_ bytes: [UInt8]) -> Bool { !bytes.isEmpty }
  static func localPartText(_ text: String) -> String { text }
}
struct AddressListParser {
  init(_ bytes: [UInt8]) {}
  mutating func parse() -> [AddressList.Entry] { [] }
}
enum DateParser {
  static func header(_ text: some Collection<UInt8>) -> HeaderDate? { nil }
  static func internalDate(_ text: some Collection<UInt8>) -> HeaderDate? { nil }
  static func searchDay(_ text: some Collection<UInt8>) -> CalendarDay? { nil }
  static func isDay(year: Int, month: Int, day: Int) -> Bool { true }
}
enum DateFormat {
  static func header(_ date: HeaderDate) -> String { "" }
  static func internalDate(_ date: HeaderDate) -> String { "" }
}
enum ReceivedParser { static func parse(_ bytes: [UInt8]) -> ReceivedField { ReceivedField() } }
enum EncodedWordDecoder { static func decode(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) } }
enum EncodedWordEncoder {
  static func unstructured(_ text: String) -> [UInt8] { Array(text.utf8) }
  static func phrase(_ text: String) -> [UInt8] { Array(text.utf8) }
}
extension TransferEncoding { static func parse(_ bytes: [UInt8]) -> TransferEncoding { .sevenBit } }
enum ParameterDecoder { static func decode(_ parameters: [MIMEParameter], name: [UInt8]) -> String? { nil } }
enum MIMEFieldParser {
  static func contentType(_ bytes: [UInt8]) -> ContentType? { nil }
  static func disposition(_ bytes: [UInt8]) -> ContentDisposition? { nil }
}
enum Display { static func escape(_ bytes: [UInt8], limit: Int) -> String { String(decoding: bytes, as: UTF8.self) } }
enum CaseFold { static func fold(_ bytes: [UInt8]) -> [UInt8] { ASCII.lowercased(bytes) } }
