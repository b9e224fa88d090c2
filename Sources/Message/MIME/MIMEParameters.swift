/// One `name=value` of a Content-Type or Content-Disposition, as it stands in the field.
public struct MIMEParameter: Hashable, Sendable {
  /// The attribute as written, its RFC 2231 suffix included (`filename*0*`).
  public var name: String
  /// The value without quotes, not decoded.
  public var value: [UInt8]

  public init(name: String, value: [UInt8]) { (self.name, self.value) = (name, value) }
}

extension Sequence where Element == MIMEParameter {
  /// The value of a parameter as a person reads it: continuations joined, character set and percent encoding resolved
  /// (RFC 2231 §3, §4), and encoded words decoded too, which standards forbid there and mail programs write.
  public func decodedValue(_ name: some StringProtocol) -> String? {
    ParameterDecoder.decode(Array(self), name: Array(name.utf8))
  }

  /// The plain value of a parameter without RFC 2231, as it stands; for `boundary` and `charset`.
  public func plainValue(_ name: some StringProtocol) -> [UInt8]? {
    for parameter in self where ASCII.equalIgnoringCase(parameter.name.utf8, name.utf8) { return parameter.value }
    return nil
  }
}

/// A media type (RFC 2045 §5).
public struct ContentType: Hashable, Sendable {
  /// `text`, `multipart`, … as written; a token.
  public var type: String
  public var subtype: String
  public var parameters: [MIMEParameter]

  public init(type: String, subtype: String, parameters: [MIMEParameter] = []) {
    (self.type, self.subtype, self.parameters) = (type, subtype, parameters)
  }

  /// What a part without a Content-Type, or with one that cannot be read, is (RFC 2045 §5.2).
  public static let plainText = ContentType(
    type: "text", subtype: "plain", parameters: [MIMEParameter(name: "charset", value: Array("us-ascii".utf8))])
  static let octetStream = ContentType(type: "application", subtype: "octet-stream")
  static let embeddedMessage = ContentType(type: "message", subtype: "rfc822")

  /// Reads a field body; nil if it has no `type/subtype`.
  public init?(_ body: some Collection<UInt8>) {
    guard let parsed = MIMEFieldParser.contentType(Array(body)) else { return nil }
    self = parsed
  }

  /// Compares without case: `type.matches("text", "plain")`; any subtype if `subtype` is nil.
  public func matches(_ type: String, _ subtype: String? = nil) -> Bool {
    ASCII.equalIgnoringCase(self.type.utf8, type.utf8)
      && (subtype.map { ASCII.equalIgnoringCase(self.subtype.utf8, $0.utf8) } ?? true)
  }

  /// `type/subtype` in lower case.
  public var name: String { String(decoding: ASCII.lowercased("\(type)/\(subtype)".utf8), as: UTF8.self) }

  public var charset: String? { parameters.plainValue("charset").map { String(decoding: $0, as: UTF8.self) } }
}

/// A Content-Disposition (RFC 2183).
public struct ContentDisposition: Hashable, Sendable {
  /// `inline`, `attachment`, … as written; a token.
  public var kind: String
  public var parameters: [MIMEParameter]

  public init(kind: String, parameters: [MIMEParameter] = []) { (self.kind, self.parameters) = (kind, parameters) }

  /// Reads a field body; nil if it does not begin with a token.
  public init?(_ body: some Collection<UInt8>) {
    guard let parsed = MIMEFieldParser.disposition(Array(body)) else { return nil }
    self = parsed
  }

  public var isAttachment: Bool { ASCII.equalIgnoringCase(kind.utf8, "attachment".utf8) }
}
