public import Message
public import Platform

/// Writes DKIM-Signature fields (RFC 6376 §5), relaxed in header and body.
public enum DKIMSigner {
  /// Signed once more than they are there, so that nobody can add another one on the way (RFC 6376 §8.15).
  static let oversigned = [
    "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding",
  ]
  /// Signed if they are there; a mailing list may add its own.
  static let signed = [
    "Sender", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID", "List-Id",
    "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner",
    "List-Archive", "Auto-Submitted",
  ]
  /// Fields of one name that are signed: beyond, the list itself would be too long.
  private static let mostOfOne = 10

  /// The fields, each ending in CRLF, to stand on top of the header section. One for each identity.
  ///
  /// - Parameters:
  ///   - header: as it leaves.
  ///   - bodyHash: of the relaxed body; see ``RelaxedBodyHash``.
  public static func signatures(
    of header: HeaderSection, bodyHash: [UInt8], by identities: [SigningIdentity], at now: Moment
  ) throws(CryptographyError) -> [UInt8] {
    let selection = HeaderSelection(header)
    let names = coveredNames(selection)
    let data = selection.canonical(names.map { Array($0.utf8)[...] }, .relaxed)
    var result: [UInt8] = []
    for identity in identities {
      result += try signature(
        name: "DKIM-Signature", tags: ["v=1"], over: data, names: names, bodyHash: bodyHash, by: identity, at: now)
    }
    return result
  }

  static func coveredNames(_ selection: HeaderSelection) -> [String] {
    oversigned.flatMap { name in
      Array(repeating: name, count: min(selection.all(name).count, mostOfOne) + 1)
    }
      + signed.flatMap { name in
        Array(repeating: name, count: min(selection.all(name).count, mostOfOne))
      }
  }

  /// One field. What it covers but itself is `data`.
  static func signature(
    name: String, tags: [String], over data: [UInt8], names: [String], bodyHash: [UInt8],
    by identity: SigningIdentity, at now: Moment
  ) throws(CryptographyError) -> [UInt8] {
    let hash = String(decoding: Base64.encode(bodyHash), as: UTF8.self)
    let all =
      tags + [
        "a=\(identity.key.algorithm.rawValue)", "c=relaxed/relaxed", "d=\(identity.domain)", "s=\(identity.selector)",
        "t=\(now.seconds)", "h=" + names.joined(separator: ":"), "bh=\(hash)",
      ]
    return try signed(field: name, tags: all, over: data, by: identity.key)
  }

  /// Writes a field and signs it: what it covers, then the field itself with an empty `b=`.
  static func signed(
    field name: String, tags: [String], over data: [UInt8], by key: SigningKey
  ) throws(CryptographyError) -> [UInt8] {
    var writer = TagWriter(name)
    for tag in tags { writer.add(tag) }
    writer.add("b=", isLast: true)
    var input = data
    let section = HeaderSection(writer.bytes)
    if let field = section.first {
      Canonicalization.relaxed.append(field, without: field.body.endIndex..<field.body.endIndex, to: &input)
    }
    writer.addPiecewise(Base64.encode(try key.sign(input)))
    return writer.bytes + [13, 10]
  }
}

/// Writes a field of tags, folded near 78 columns.
struct TagWriter {
  private(set) var bytes: [UInt8]
  private var column: Int

  init(_ name: String) {
    bytes = Array("\(name):".utf8)
    column = bytes.count
  }

  /// A tag and, unless it is the last, its semicolon. A long `h=` is folded behind colons.
  mutating func add(_ tag: String, isLast: Bool = false) {
    let whole = Array((isLast ? tag : tag + ";").utf8)
    if column + whole.count + 1 > 76 { fold() } else { put([32]) }
    guard whole.count > 70 else { return put(whole[...]) }
    for piece in Self.pieces(whole) {
      if column + piece.count > 76 { fold() }
      put(piece)
    }
  }

  /// Base64 may be folded anywhere.
  mutating func addPiecewise(_ text: [UInt8]) {
    var rest = text[...]
    while !rest.isEmpty {
      if column >= 72 { fold() }
      let piece = rest.prefix(76 - column)
      put(piece)
      rest = rest.dropFirst(piece.count)
    }
  }

  private mutating func put(_ octets: Octets) {
    bytes += octets
    column += octets.count
  }

  private mutating func fold() {
    bytes += [13, 10, 9]
    column = 8
  }

  /// Behind each colon.
  private static func pieces(_ text: [UInt8]) -> [Octets] {
    var pieces: [Octets] = []
    var start = 0
    for (index, byte) in text.enumerated() where byte == UInt8(ascii: ":") {
      pieces.append(text[start...index])
      start = index + 1
    }
    return pieces + [text[start...]]
  }
}

/// The hash of a body for ``DKIMSigner`` and ``ARCSealer``, while the body streams by. Belongs to one task.
public struct RelaxedBodyHash {
  private let digest = BodyDigest(.relaxed)

  public init() {}

  public func append(_ piece: UnsafeRawBufferPointer) { digest.append(piece) }
  public func append(_ piece: some Sequence<UInt8>) {
    Array(piece).withUnsafeBytes { digest.append($0) }
  }

  /// After the last octet.
  public func finish() -> [UInt8] { digest.finish() }
}
