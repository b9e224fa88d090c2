internal import COpenSSL

/// What OpenSSL, or a certificate file, refused; in a sentence.
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  /// What was wrong with the server's certificate, if that is why.
  public let fault: CertificateFault?

  public init(_ description: String, fault: CertificateFault? = nil) {
    self.description = description
    self.fault = fault
  }
}

/// Takes everything from OpenSSL's error queue of this thread and says it in its words.
func takeOpenSSLErrors() -> String? {
  var reasons: [String] = []
  while true {
    let code = ERR_get_error()
    guard code != 0 else { break }
    let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    if !reasons.contains(reason) { reasons.append(reason) }
  }
  return reasons.isEmpty ? nil : reasons.joined(separator: ", ")
}
