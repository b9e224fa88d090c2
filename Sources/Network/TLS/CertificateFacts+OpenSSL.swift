internal import COpenSSL
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// Reads what an administrator needs out of OpenSSL's certificate.
func certificateFacts(_ certificate: OpaquePointer) -> CertificateFacts {
  CertificateFacts(
    names: alternativeNames(certificate), notBefore: moment(X509_get0_notBefore(certificate)),
    notAfter: moment(X509_get0_notAfter(certificate)), subject: oneLine(X509_get_subject_name(certificate)),
    issuer: oneLine(X509_get_issuer_name(certificate)), isSelfSigned: X509_self_signed(certificate, 0) == 1,
    fingerprint: fingerprint(certificate), keyDigest: keyDigest(certificate))
}

private func alternativeNames(_ certificate: OpaquePointer) -> [String] {
  guard let raw = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
    return commonName(certificate).map { [$0.lowercased()] } ?? []
  }
  let names = OpaquePointer(raw)
  defer { GENERAL_NAMES_free(names) }
  return (0..<postroom_GENERAL_NAME_count(names)).compactMap { index in
    guard let name = postroom_GENERAL_NAME_at(names, index) else { return nil }
    guard let string = postroom_GENERAL_NAME_string(name), let data = ASN1_STRING_get0_data(string) else { return nil }
    let bytes = Array(UnsafeBufferPointer(start: data, count: max(Int(ASN1_STRING_length(string)), 0)))
    switch postroom_GENERAL_NAME_type(name) {
    case GEN_DNS: return String(decoding: bytes, as: UTF8.self).lowercased()
    case GEN_IPADD: return IPAddress(bytes: bytes)?.description
    default: return nil
    }
  }
}

/// Old certificates without alternative names have the host's name here.
private func commonName(_ certificate: OpaquePointer) -> String? {
  let subject = X509_get_subject_name(certificate)
  let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
  guard index >= 0, let entry = X509_NAME_get_entry(subject, index), let value = X509_NAME_ENTRY_get_data(entry) else {
    return nil
  }
  guard let data = ASN1_STRING_get0_data(value) else { return nil }
  return String(
    decoding: UnsafeBufferPointer(start: data, count: max(Int(ASN1_STRING_length(value)), 0)), as: UTF8.self)
}

private func moment(_ time: UnsafePointer<ASN1_TIME>?) -> Moment {
  var fields = tm()
  guard let time, ASN1_TIME_to_tm(time, &fields) == 1 else { return Moment(seconds: 0) }
  return Moment(
    seconds: CivilTime.seconds(
      year: Int(fields.tm_year) + 1900, month: Int(fields.tm_mon) + 1, day: Int(fields.tm_mday),
      hour: Int(fields.tm_hour), minute: Int(fields.tm_min), second: Int(fields.tm_sec)))
}

private func oneLine(_ name: OpaquePointer?) -> String {
  guard let bio = BIO_new(BIO_s_mem()) else { return "?" }
  defer { BIO_free(bio) }
  _ = postroom_X509_NAME_print(bio, name)
  var data: UnsafeMutablePointer<CChar>?
  let length = postroom_BIO_get_mem_data(bio, &data)
  guard let data, length > 0 else { return "" }
  return String(decoding: UnsafeRawBufferPointer(start: data, count: length), as: UTF8.self)
}

private func keyDigest(_ certificate: OpaquePointer) -> [UInt8] {
  var bytes: UnsafeMutablePointer<UInt8>?
  let length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes)
  guard let bytes, length > 0 else { return [] }
  defer { CRYPTO_free(bytes, "", 0) }
  return SHA256.hash(Array(UnsafeBufferPointer(start: bytes, count: Int(length))))
}

private func fingerprint(_ certificate: OpaquePointer) -> String {
  var digest = [UInt8](repeating: 0, count: 32)
  var length: UInt32 = 32
  guard X509_digest(certificate, EVP_sha256(), &digest, &length) == 1 else { return "" }
  return digest.hexadecimal
}
