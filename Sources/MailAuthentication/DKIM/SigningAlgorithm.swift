/// How a signature is made (RFC 6376 §3.3, RFC 8463 §3).
public enum SigningAlgorithm: String, Sendable, Hashable, Codable, CaseIterable {
  case rsaSHA256 = "rsa-sha256"
  case ed25519SHA256 = "ed25519-sha256"

  /// `k=` in the key record.
  var keyType: String {
    switch self {
    case .rsaSHA256: "rsa"
    case .ed25519SHA256: "ed25519"
    }
  }
}
