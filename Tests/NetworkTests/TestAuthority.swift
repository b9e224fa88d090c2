@testable import Network

/// A certificate authority for tests, and a certificate of its for mx.example.net and example.net; both hold from 2020 to 2120.
enum TestAuthority {
  static let authority = """
    -----BEGIN CERTIFICATE-----
    MIIBZTCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IEF1
    dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGTEXMBUG
    A1UEAwwOVGVzdCBBdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASI
    Lrt3fnQmc5I+cA5cUP9Sv2l2nRI9kzy7rT3FhLkIPV17mUZtMCNehAn335BmPlDy
    8251QXmszmm7JCCSRKQeo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE
    AwICBDAdBgNVHQ4EFgQUtP9a4E1MPUSEP6pPArKOMMLcAcYwCgYIKoZIzj0EAwID
    SAAwRQIgE+cfRodewdTVkXg9JD1Oj4qMCd8PIqcgbyF7AN0r3eECIQCeWEqU2f+l
    iKuBvIntZ+6UOJtxsXo02E9a0KAe5jyyjw==
    -----END CERTIFICATE-----
    """
  static let leaf = """
    -----BEGIN CERTIFICATE-----
    MIIBszCCAVigAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IEF1
    dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGTEXMBUG
    A1UEAwwObXguZXhhbXBsZS5uZXQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASB
    V+QpKVle4mLtCDkGw/PrIHpvU5r2a8/KxM6vHl6KX++3FZH+WkV9hxo+LNhTMzJo
    ybSsZCX++1ZXDY8daiKpo4GOMIGLMCYGA1UdEQQfMB2CDm14LmV4YW1wbGUubmV0
    ggtleGFtcGxlLm5ldDAMBgNVHRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMB
    MB0GA1UdDgQWBBSudK2qwxiU0bxM+kKCbw2PGauzLjAfBgNVHSMEGDAWgBS0/1rg
    TUw9RIQ/qk8Cso4wwtwBxjAKBggqhkjOPQQDAgNJADBGAiEAsgnuJWLrWH7ZcAO2
    iRcOgI5xpSz0vDzFjJNZeT3qbGkCIQCRDVRpc5dQqSQ+z53HVdeBpS55fTfK1Cen
    bYizLg9xWg==
    -----END CERTIFICATE-----
    """
  static let key = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg36mp4p/pj6M90EEI
    XyT9Mbzjqvy8T5WmADxvabTBxUKhRANCAASBV+QpKVle4mLtCDkGw/PrIHpvU5r2
    a8/KxM6vHl6KX++3FZH+WkV9hxo+LNhTMzJoybSsZCX++1ZXDY8daiKp
    -----END PRIVATE KEY-----
    """

  /// The server's side: its own certificate, and that of the authority behind it.
  static func certificate(withAuthority: Bool = true) throws -> Certificate {
    try Certificate(
      certificate: Array((leaf + "\n" + (withAuthority ? authority + "\n" : "")).utf8), key: Array(key.utf8))
  }

  /// SHA-256 over the authority's public key, as `openssl` gave it.
  static let keyDigest = bytes("8655e343340d7c6f2497302524bcf1b3ff3d7b65f72cf1ef9a38dd991cf5b407")
  /// SHA-256 and SHA-512 over its certificate.
  static let digest = bytes("fb51002a411e2f97467a823c8f99a1d558a4b7999366fb5697758f9daeae3542")
  static let longDigest = bytes(
    "06296db1aeb8e42ff89fe03e9ee4f354b38e664cb8514370182858dafa7eae44f8b04dd06216fed131d04cfdf61be76a"
      + "577f21dea86fb8359983f1028e148ed0")
  /// SHA-256 over the public key of ``leaf``.
  static let leafKeyDigest = bytes("f41da3adbf08ece245ed131068cab16eb9550e69167f79909ef769cf2280b4e1")

  static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
  }
}
