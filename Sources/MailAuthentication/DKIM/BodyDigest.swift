internal import Platform

/// The hash of a body as it is signed, while the body streams by (RFC 6376 §3.4.3, §3.4.4, §3.7).
///
/// A class, because the digest is a resource; it belongs to one task. What it keeps does not grow with the body.
final class BodyDigest {
  private static let capacity = 16 << 10

  let canonicalization: Canonicalization
  /// `l=`: octets of the canonical body that are hashed.
  let limit: Int64?

  private let digest = SHA256()
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: BodyDigest.capacity)
  private var used = 0
  /// Octets of the canonical body so far.
  private(set) var length: Int64 = 0
  /// Line ends that count only if something follows.
  private var lineEnds = 0
  private var hasBlank = false
  private var hasCR = false
  private var hash: [UInt8]?

  init(_ canonicalization: Canonicalization, limit: Int64? = nil) {
    self.canonicalization = canonicalization
    self.limit = limit
  }

  deinit { buffer.deallocate() }

  func append(_ piece: UnsafeRawBufferPointer) {
    let isRelaxed = canonicalization == .relaxed
    var index = 0
    while index < piece.count {
      let byte = piece[index]
      if byte == 10 {
        (hasCR, hasBlank) = (false, false)
        lineEnds += 1
        index += 1
        continue
      }
      if hasCR {
        // A CR alone is an octet like any other.
        hasCR = false
        content(1) { _ in 13 }
      }
      if byte == 13 {
        hasCR = true
        index += 1
      } else if isRelaxed, byte == 32 || byte == 9 {
        hasBlank = true
        index += 1
      } else {
        let start = index
        repeat { index += 1 } while index < piece.count && Self.isPlain(piece[index], isRelaxed)
        content(index - start) { piece[start + $0] }
      }
    }
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8, _ isRelaxed: Bool) -> Bool {
    byte > 32 || (byte != 10 && byte != 13 && !(isRelaxed && (byte == 32 || byte == 9)))
  }

  /// Octets that are no white space at a line's end: whatever was held back before them counts.
  @inline(__always)
  private func content(_ count: Int, _ octet: (Int) -> UInt8) {
    while lineEnds > 0 {
      put(13)
      put(10)
      lineEnds -= 1
    }
    if hasBlank {
      put(32)
      hasBlank = false
    }
    for index in 0..<count { put(octet(index)) }
  }

  @inline(__always)
  private func put(_ byte: UInt8) {
    length &+= 1
    if let limit, length > limit { return }
    if used == Self.capacity { flush() }
    buffer[used] = byte
    used &+= 1
  }

  private func flush() {
    digest.update(UnsafeRawBufferPointer(start: buffer, count: used))
    used = 0
  }

  /// The hash, after the last octet. It can be asked for again.
  func finish() -> [UInt8] {
    if let hash { return hash }
    if hasCR { content(1) { _ in 13 } }
    // RFC 6376 §3.4.3: an empty body is one line end, "simple"; §3.4.4: it is nothing, "relaxed".
    if length > 0 || canonicalization == .simple {
      put(13)
      put(10)
    }
    flush()
    let made = digest.finish()
    hash = made
    return made
  }
}

/// The hashes that the signatures of one message need: each kind once.
final class BodyDigests {
  /// Signatures that need still another kind are not looked at: each costs as much as the body is long.
  static let limit = 4

  private var digests: [BodyDigest] = []

  /// `nil`: there are too many kinds already.
  func digest(_ canonicalization: Canonicalization, limit: Int64?) -> BodyDigest? {
    if let known = digests.first(where: { $0.canonicalization == canonicalization && $0.limit == limit }) {
      return known
    }
    guard digests.count < Self.limit else { return nil }
    let new = BodyDigest(canonicalization, limit: limit)
    digests.append(new)
    return new
  }

  var isEmpty: Bool { digests.isEmpty }

  func append(_ piece: UnsafeRawBufferPointer) {
    for digest in digests { digest.append(piece) }
  }
}
