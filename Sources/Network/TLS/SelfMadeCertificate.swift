internal import COpenSSL
public import Platform

/// A certificate that vouches for itself: for the demonstration and for the first start, until a real one is there.
public struct SelfMadeCertificate: Sendable {
  public let certificatePEM: [UInt8]
  public let keyPEM: [UInt8]

  /// Makes an EC P-256 key and signs a certificate with it.
  /// - Parameters:
  ///   - names: host names (and addresses) it is for; the first is its subject.
  ///   - now: the beginning of its validity, less an hour for clocks that differ.
  public init(names: [String], now: Moment, validFor: Duration = .seconds(825 * 86_400)) throws {
    guard let first = names.first else { throw TLSError("a certificate needs a name") }
    func check(_ done: Bool) throws {
      if !done { throw TLSError("OpenSSL could not make a certificate: \(takeOpenSSLErrors() ?? "no reason given")") }
    }
    let key = postroom_EVP_EC_gen("P-256")
    defer { EVP_PKEY_free(key) }
    let certificate = X509_new()
    defer { X509_free(certificate) }
    try check(key != nil && certificate != nil)
    try check(X509_set_version(certificate, 2) == 1)
    let serial = randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1 | 1
    try check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1)
    let begin = now.seconds - 3600
    try check(ASN1_TIME_set(X509_getm_notBefore(certificate), Int(begin)) != nil)
    try check(ASN1_TIME_set(X509_getm_notAfter(certificate), Int(begin + validFor.components.seconds)) != nil)
    try check(X509_set_pubkey(certificate, key) == 1)
    let subject = X509_get_subject_name(certificate)
    // RFC 5280 bounds a common name to 64 characters; the names that count are the alternative ones.
    let common = Array(first.utf8.prefix(64))
    let length = Int32(clamping: common.count)
    try check(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, common, length, -1, 0) == 1)
    try check(X509_set_issuer_name(certificate, subject) == 1)
    let alternatives = names.map { IPAddress($0) == nil ? "DNS:\($0)" : "IP:\($0)" }.joined(separator: ",")
    let extensions: [(Int32, String)] = [
      (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
      (NID_ext_key_usage, "serverAuth"), (NID_subject_alt_name, alternatives),
    ]
    for (kind, value) in extensions {
      let made = X509V3_EXT_conf_nid(nil, nil, kind, value)
      defer { X509_EXTENSION_free(made) }
      try check(made != nil && X509_add_ext(certificate, made, -1) == 1)
    }
    try check(X509_sign(certificate, key, EVP_sha256()) > 0)
    certificatePEM = try Self.text { PEM_write_bio_X509($0, certificate) == 1 }
    keyPEM = try Self.text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) == 1 }
  }

  /// The same, ready for use.
  public func certificate() throws -> Certificate {
    try Certificate(certificate: certificatePEM, key: keyPEM, source: "the self-made certificate")
  }

  private static func text(_ write: (OpaquePointer?) -> Bool) throws -> [UInt8] {
    let bio = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    guard bio != nil, write(bio) else { throw TLSError("OpenSSL could not write PEM") }
    var data: UnsafeMutablePointer<CChar>?
    let length = postroom_BIO_get_mem_data(bio, &data)
    return Array(UnsafeRawBufferPointer(start: data, count: max(length, 0)))
  }
}
