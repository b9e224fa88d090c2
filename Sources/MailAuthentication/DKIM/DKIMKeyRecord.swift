internal import Message

/// A key as it is published (RFC 6376 §3.6.1).
struct DKIMKeyRecord: Sendable {
  /// Longer texts are no keys.
  static let longest = 16 << 10

  let keyType: String
  /// The decoded `p=`; empty: the key is revoked.
  let data: [UInt8]
  /// `t=y`: the domain only tries.
  let isTest: Bool
  /// `t=s`: `i=` must be in the very domain.
  let isStrict: Bool
  private let hashes: [String]?
  private let services: [String]?

  /// - Throws: what is wrong with it; every reason is for good.
  init(_ text: String) throws(DKIMProblem) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.longest, let tags = TagList(bytes[...]) else {
      throw DKIMProblem(.permerror, "the key record is no list of tags")
    }
    if let version = tags.tag("v") {
      guard version.value.equals("DKIM1"), tags.tags.first?.name.equals("v") ?? false else {
        throw DKIMProblem(.permerror, "the key record has another version")
      }
    }
    keyType = tags["k"]?.text ?? "rsa"
    guard let key = tags["p"] else { throw DKIMProblem(.permerror, "the key record has no key") }
    guard let data = Base64.decode(key.withoutSpace) else {
      throw DKIMProblem(.permerror, "the key is no base64")
    }
    self.data = data
    let flags = tags["t"].map { TagList.colonList($0) } ?? []
    isTest = flags.contains { $0.equals("y") }
    isStrict = flags.contains { $0.equals("s") }
    hashes = tags["h"].map { TagList.colonList($0).map(\.text) }
    services = tags["s"].map { TagList.colonList($0).map(\.text) }
  }

  /// The key, if it may be used for a signature.
  func key(for signature: SigningAlgorithm, _ cache: VerifyingKeyCache) throws(DKIMProblem) -> VerifyingKey {
    guard !data.isEmpty else { throw DKIMProblem(.permerror, "the key is revoked") }
    guard keyType == signature.keyType else {
      throw DKIMProblem(.permerror, "the key is of another kind than the signature")
    }
    if let hashes, !hashes.contains("sha256") {
      throw DKIMProblem(.permerror, "the key is not for SHA-256")
    }
    if let services, !services.contains("*"), !services.contains("email") {
      throw DKIMProblem(.permerror, "the key is not for mail")
    }
    return try cache.key(data, signature)
  }
}
