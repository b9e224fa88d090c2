/// A local part as the Sender Rewriting Scheme writes it.
///
///     SRS0=HASH=DAY=DOMAIN=LOCAL       the original address, rewritten once
///     SRS1=HASH=HOST=OPAQUE            a rewritten one rewritten again: OPAQUE is what followed SRS0 at HOST
///
/// The separator behind SRS0 and SRS1 may be `=`, `+` or `-`. Any text gives an address or `nil`.
enum SRSAddress: Hashable, Sendable {
  case first(hash: String, day: String, domain: String, local: String)
  case again(hash: String, host: String, opaque: String)

  init?(localPart: String) {
    guard let tag = Self.tag(localPart) else { return nil }
    var parts = Parts(localPart.utf8.dropFirst(5))
    switch tag {
    case 0:
      guard let hash = parts.next(), let day = parts.next(), let domain = parts.next(), let local = parts.rest else {
        return nil
      }
      self = .first(hash: hash, day: day, domain: domain, local: local)
    default:
      guard let hash = parts.next(), let host = parts.next(), let opaque = parts.rest,
        let separator = opaque.utf8.first, Self.separators.contains(separator), opaque.utf8.count > 1
      else { return nil }
      self = .again(hash: hash, host: host, opaque: opaque)
    }
  }

  var localPart: String {
    switch self {
    case .first(let hash, let day, let domain, let local): "SRS0=\(hash)=\(day)=\(domain)=\(local)"
    case .again(let hash, let host, let opaque): "SRS1=\(hash)=\(host)=\(opaque)"
    }
  }

  /// Whether a local part says that it is one, well formed or not.
  static func isMeant(_ localPart: String) -> Bool { tag(localPart) != nil }

  /// What follows the tag of an SRS0 local part, its separator first; `nil` if it is none.
  static func opaque(ofFirst localPart: String) -> String? {
    // A separator alone is no opaque part: nobody could read it back.
    guard tag(localPart) == 0, localPart.utf8.count > 5 else { return nil }
    return String(decoding: localPart.utf8.dropFirst(4), as: UTF8.self)
  }

  private static let separators: [UInt8] = [UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-")]

  /// 0 for SRS0, 1 for SRS1, in any case: there are hosts that change it.
  private static func tag(_ localPart: String) -> Int? {
    let bytes = Array(localPart.utf8.prefix(5))
    guard bytes.count == 5, bytes[0] | 0x20 == UInt8(ascii: "s"), bytes[1] | 0x20 == UInt8(ascii: "r"),
      bytes[2] | 0x20 == UInt8(ascii: "s"), separators.contains(bytes[4])
    else { return nil }
    switch bytes[3] {
    case UInt8(ascii: "0"): return 0
    case UInt8(ascii: "1"): return 1
    default: return nil
    }
  }

  /// Pieces between `=`, none of them empty.
  private struct Parts {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes)[...] }

    mutating func next() -> String? {
      guard let end = bytes.firstIndex(of: UInt8(ascii: "=")), end > bytes.startIndex else { return nil }
      defer { bytes = bytes[(end + 1)...] }
      return String(decoding: bytes[..<end], as: UTF8.self)
    }

    var rest: String? { bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
  }
}
