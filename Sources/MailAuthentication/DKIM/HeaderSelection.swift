internal import Message

/// Finds the fields that a signature covers (RFC 6376 §5.4.2): of several with one name, from the bottom up.
struct HeaderSelection: Sendable {
  let header: HeaderSection
  /// A hash of each field's name in lower case, so that long lists over long headers stay cheap.
  private let hashes: [UInt64]

  init(_ header: HeaderSection) {
    self.header = header
    hashes = header.map { Self.hash($0.name) }
  }

  private static func hash(_ name: Octets) -> UInt64 {
    // FNV-1a.
    name.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1.lowered)) &* 0x100_0000_01b3 }
  }

  /// The fields of `h=` in its order. A name that has no field (any more) gives none.
  func fields(_ names: [Octets]) -> [HeaderField] {
    var next: [UInt64: Int] = [:]
    var found: [HeaderField] = []
    for name in names {
      let hash = Self.hash(name)
      var index = (next[hash] ?? hashes.count) - 1
      while index >= 0 {
        if hashes[index] == hash {
          let field = header[index]
          if field.name.count == name.count, zip(field.name, name).allSatisfy({ $0.lowered == $1.lowered }) {
            found.append(field)
            break
          }
        }
        index -= 1
      }
      next[hash] = max(index, 0)
    }
    return found
  }

  /// What is signed but for the signature's own field.
  func canonical(_ names: [Octets], _ canonicalization: Canonicalization) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(2048)
    for field in fields(names) { canonicalization.append(field, to: &result) }
    return result
  }

  func all(_ name: String) -> [HeaderField] {
    let hash = Self.hash(Array(name.utf8)[...])
    return hashes.indices.filter { hashes[$0] == hash }.map { header[$0] }.filter { $0.isNamed(name) }
  }
}
