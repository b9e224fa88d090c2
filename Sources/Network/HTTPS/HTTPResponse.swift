/// An answer over HTTP, read to its end.
public struct HTTPResponse: Hashable, Sendable {
  public struct Field: Hashable, Sendable {
    /// In lower case.
    public var name: String
    public var value: String
  }

  public var status: Int
  public var fields: [Field]
  public var body: [UInt8]

  /// The value of the first field of a name.
  public func field(_ name: String) -> String? { fields.first { $0.name == name.lowercased() }?.value }

  /// `text/plain` of `text/plain; charset=utf-8`, in lower case; empty without Content-Type.
  public var mediaType: String {
    let value = field("content-type") ?? ""
    let type = value.prefix { $0 != ";" }.lowercased()
    return String(type.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}

/// Why there is no answer over HTTPS.
public struct HTTPError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// No connection to any of the addresses, or it broke.
    case unreachable
    /// The server could not prove who it is.
    case certificate(CertificateFault)
    /// TLS failed for another reason.
    case tls
    case timedOut
    /// What came is no HTTP/1.1.
    case malformed
    /// The answer is larger than was allowed.
    case tooLarge
  }

  public var kind: Kind
  /// Half a sentence.
  public var reason: String

  public init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  public var description: String { reason }
}
