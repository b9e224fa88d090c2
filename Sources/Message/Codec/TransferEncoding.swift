/// A Content-Transfer-Encoding (RFC 2045 §6).
public enum TransferEncoding: Hashable, Sendable {
  case sevenBit, eightBit, binary, quotedPrintable, base64
  /// An encoding that nobody registered, as written (tokens only, at most 64 octets). It cannot be decoded (RFC
  /// 3516 §4.3).
  case unknown(String)

  /// Whether the body is its own data.
  public var isIdentity: Bool {
    switch self {
    case .sevenBit, .eightBit, .binary: true
    default: false
    }
  }

  /// The name, in the upper case that IMAP servers use.
  public var name: String {
    switch self {
    case .sevenBit: "7BIT"
    case .eightBit: "8BIT"
    case .binary: "BINARY"
    case .quotedPrintable: "QUOTED-PRINTABLE"
    case .base64: "BASE64"
    case .unknown(let name): name
    }
  }

  /// Reads a name in any case; a missing or empty one is 7bit (RFC 2045 §6.1).
  public init(_ body: some Collection<UInt8>) {
    self = TransferEncoding.parse(Array(body))
  }
}
