/// Which certificate a TLS service has (RFC 6698 §2.1), as the DNS publishes it and as OpenSSL proves it. The numbers are the
/// registry's, and may be ones that nobody knows.
public struct TLSARecord: Hashable, Sendable, CustomStringConvertible {
  /// A certificate that is above the server's own.
  public static let trustAnchor: UInt8 = 2
  /// The server's own certificate.
  public static let endEntity: UInt8 = 3

  /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE (RFC 7218).
  public var usage: UInt8
  /// 0 the whole certificate, 1 its public key.
  public var selector: UInt8
  /// 0 the thing itself, 1 its SHA-256, 2 its SHA-512.
  public var matchingType: UInt8
  public var data: [UInt8]

  public init(usage: UInt8, selector: UInt8, matchingType: UInt8, data: [UInt8]) {
    self.usage = usage
    self.selector = selector
    self.matchingType = matchingType
    self.data = data
  }

  /// As a zone file has it: `3 1 1 0123…`.
  public var description: String { "\(usage) \(selector) \(matchingType) \(data.hexadecimal)" }
}
