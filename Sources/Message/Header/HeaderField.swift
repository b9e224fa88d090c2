/// One field of a header section, as a view on its bytes.
public struct HeaderField: Sendable {
  /// The whole field as it came: name, colon, body, folds, and the line end if there is one.
  public let bytes: ArraySlice<UInt8>
  /// The name without white space; empty if the line is not a header field (no colon, or a name with bytes that no
  /// name has).
  public let name: ArraySlice<UInt8>
  /// All between the colon and the final line end, folds and white space included.
  public let body: ArraySlice<UInt8>

  /// Whether the name is this one, in any case.
  public func isNamed(_ other: some StringProtocol) -> Bool {
    name.count == other.utf8.count && ASCII.equalIgnoringCase(name, other.utf8)
  }

  /// The name as text; empty for a line that is no field.
  public var nameText: String { String(decoding: name, as: UTF8.self) }

  /// The body on one line, without white space at its ends: line ends taken out (RFC 5322 §2.2.3), nothing decoded.
  public var unfolded: [UInt8] {
    var result = ASCII.trimmed(body)[...]
    guard result.contains(where: { $0 == ASCII.lf || $0 == ASCII.cr }) else { return Array(result) }
    result.removeAll { $0 == ASCII.lf || $0 == ASCII.cr }
    return Array(result)
  }

  /// The body as a person reads it: unfolded, encoded words decoded, broken UTF-8 replaced.
  public var text: String { EncodedWord.decode(unfolded) }
}
