/// A line as it came from the peer.
public struct Line: Hashable, Sendable {
  /// How a line ended.
  public enum Ending: Hashable, Sendable {
    /// CR LF, as the protocols want it.
    case crlf
    /// A bare LF.
    case lf
    /// The line was longer than the limit. It was consumed to its end; ``Line/bytes`` holds its beginning only.
    case tooLong
  }

  /// The line without its end. May contain any byte but LF, also bare CRs and NULs. Of a line that is too long: the
  /// first bytes, at most 512, so that a verb or a tag can still be told.
  public var bytes: [UInt8]
  public var ending: Ending

  public init(bytes: [UInt8], ending: Ending) {
    self.bytes = bytes
    self.ending = ending
  }
}
