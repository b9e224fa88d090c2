internal import COpenSSL

/// What was wrong with a server's certificate, as far as others can do something about it.
public enum CertificateFault: String, Hashable, Sendable {
  case expired
  /// Its time has not come yet; mostly a clock is wrong.
  case notYetValid = "not-yet-valid"
  /// It is for other names.
  case nameMismatch = "name-mismatch"
  /// No TLSA record of the server's is about it.
  case notAssociated = "not-associated"
  /// Nobody who is trusted vouches for it, or it is broken.
  case untrusted

  /// - Parameter code: of `SSL_get_verify_result`. `nil`: nothing is wrong.
  init?(verifyResult code: Int) {
    switch Int32(clamping: code) {
    case X509_V_OK: return nil
    case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
    case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .nameMismatch
    case X509_V_ERR_DANE_NO_MATCH: self = .notAssociated
    default: self = .untrusted
    }
  }
}
