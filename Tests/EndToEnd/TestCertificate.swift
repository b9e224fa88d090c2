import Foundation

/// Certificates that sign themselves, made by openssl; who is to trust one gets it as SSL_CERT_FILE.
enum TestCertificate {
  /// - Parameter names: as openssl's subjectAltName has them: `DNS:mail.far.example,IP:127.0.0.1`.
  static func make(names: String, certificate: String, key: String) throws {
    let made = try Program.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
        certificate, "-days", "3650", "-subj", "/CN=a test", "-addext", "subjectAltName=\(names)",
      ])
    guard made.status == 0 else { throw TestAppliance.Failed(description: "openssl: \(made)") }
  }
}
