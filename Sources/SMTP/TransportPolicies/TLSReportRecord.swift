/// The TXT record at `_smtp._tls.DOMAIN` that says where reports about TLS with the domain go (RFC 8460 §3).
public struct TLSReportRecord: Hashable, Sendable {
  /// Where a report goes.
  public enum Destination: Hashable, Sendable {
    /// An address, without `mailto:`.
    case mail(String)
    /// A whole `https:` URI.
    case https(String)
  }

  /// More than this are of no use.
  static let destinationLimit = 20

  /// In their order; at least one.
  public var destinations: [Destination]

  /// Reads one record: `v=TLSRPTv1; rua=mailto:reports@example.com,https://reporting.example.com/v1/tlsrpt`. `nil`: it is
  /// none, or has no destination that reports can go to.
  public init?(_ text: String) {
    guard let fields = PolicyFields.list(text, version: "TLSRPTv1"),
      let rua = fields.first(where: { $0.name == "rua" })?.value
    else { return nil }
    // Commas and exclamation marks within a URI are percent-encoded, so a comma always separates two, perhaps with blanks
    // around it.
    let uris = rua.utf8.split(separator: UInt8(ascii: ",")).prefix(Self.destinationLimit).map {
      String(decoding: PolicyFields.trimmed($0), as: UTF8.self)
    }
    destinations = uris.compactMap { uri in
      guard !uri.utf8.contains(where: { $0 <= 0x20 }) else { return nil }
      if uri.lowercased().hasPrefix("mailto:") {
        let address = uri.dropFirst(7).prefix { $0 != "?" }
        return address.contains("@") ? .mail(String(address)) : nil
      }
      return uri.lowercased().hasPrefix("https://") && uri.utf8.count > 8 ? .https(String(uri)) : nil
    }
    guard !destinations.isEmpty else { return nil }
  }

  /// The record among all that stand at the name; with more than one there is none (RFC 8460 §3).
  public static func only(of texts: [String]) -> TLSReportRecord? {
    let candidates = texts.filter { PolicyFields.hasVersion($0, "TLSRPTv1") }
    return candidates.count == 1 ? TLSReportRecord(candidates[0]) : nil
  }
}
