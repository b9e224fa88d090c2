#if canImport(Glibc)
  import Glibc
#endif

/// A certificate and its key as files that an administrator, or an ACME client, puts there.
public struct CertificateFile: Hashable, Sendable {
  /// PEM: the host's certificate first, then those above it.
  public var certificate: String
  /// PEM, without a passphrase. May be the same file.
  public var key: String

  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }

  /// Reads both files and checks that they belong together.
  public func load() throws -> Certificate {
    try Certificate(certificate: Self.read(certificate), key: Self.read(key), source: certificate)
  }

  /// What `postroom check` needs to know; throws what it has to say.
  public func inspect() throws -> CertificateFacts { try load().facts }

  private static func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TLSError("\(path) cannot be opened: \(errorText(errno))") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 * 1024)
    while bytes.count <= 1 << 20 {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { return bytes }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw TLSError("\(path) cannot be read: \(errorText(errno))")
      }
      bytes += piece[..<count]
    }
    throw TLSError("\(path) is larger than 1 MiB: that is no certificate")
  }
}

/// The system's words for an error number.
func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }
