/// What a part's header section says about the part (RFC 2045 §3), with the defaults filled in.
struct PartHeader {
  var type: ContentType
  var encoding: TransferEncoding
  var disposition: ContentDisposition?
  var id: [UInt8]?
  var description: [UInt8]?
  var md5: [UInt8]?
  var location: [UInt8]?
  var languages: [[UInt8]] = []
  var has8Bit: Bool

  /// `default` is the type of a part that does not say (RFC 2046 §5.1.5: message/rfc822 in a multipart/digest).
  init(_ header: HeaderSection, default defaultType: ContentType) {
    let declared = header.first("Content-Type")
    type = declared.map { ContentType($0.body) ?? .plainText } ?? defaultType
    encoding = TransferEncoding(header.first("Content-Transfer-Encoding")?.body ?? [])
    disposition = header.first("Content-Disposition").flatMap { ContentDisposition($0.body) }
    id = header.first("Content-ID")?.unfolded
    description = header.first("Content-Description")?.unfolded
    md5 = header.first("Content-MD5")?.unfolded
    location = header.first("Content-Location")?.unfolded
    languages = header.first("Content-Language").map { MIMEFieldParser.languages(Array($0.body)) } ?? []
    has8Bit = header.has8Bit
  }

  /// The delimiter's text of a multipart; nil if it has none that could be found again.
  var boundary: [UInt8]? {
    guard type.matches("multipart"), var boundary = type.parameters.plainValue("boundary") else { return nil }
    // RFC 2046 §5.1.1: a boundary does not end in white space, because transports may add and remove it there.
    while let last = boundary.last, ASCII.isBlank(last) { boundary.removeLast() }
    return boundary.isEmpty || boundary.count > PartHeader.boundaryLimit ? nil : boundary
  }

  /// The standard's limit is 70.
  static let boundaryLimit = 998

  /// Whether the body is a message to be looked into. An encoded one is not (RFC 2046 §5.2.1 forbids it).
  var isEmbeddedMessage: Bool {
    encoding.isIdentity && (type.matches("message", "rfc822") || type.matches("message", "global"))
  }
}
