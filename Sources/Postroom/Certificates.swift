internal import Configuration
internal import Network
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// The certificates of a configuration, the one for all other names first. Blocks.
///
/// - Throws: a sentence for the first one that cannot be used.
func loadCertificates(_ configuration: Configuration, now: Moment) throws -> [Certificate] {
  let named = try configuration.tls.named.map {
    try CertificateFile(certificate: $0.certificate, key: $0.key).load()
  }
  guard let identity = configuration.tls.identity else {
    return [try selfMadeCertificate(configuration, now: now)] + named
  }
  return [try CertificateFile(certificate: identity.certificate, key: identity.key).load()] + named
}

/// The one in the data folder; made there when there is none, when it is about to end, or when it is for another name.
private func selfMadeCertificate(_ configuration: Configuration, now: Moment) throws -> Certificate {
  let files = CertificateFile(
    certificate: configuration.dataFolder + "/certificate.pem", key: configuration.dataFolder + "/key.pem")
  if let kept = try? files.load(), kept.facts.covers(configuration.hostname), kept.facts.notAfter > now + .seconds(86_400)
  {
    return kept
  }
  let made = try SelfMadeCertificate(names: [configuration.hostname, "localhost", "127.0.0.1", "::1"], now: now)
  try replaceFile(files.key, made.keyPEM, mode: 0o600)
  try replaceFile(files.certificate, made.certificatePEM, mode: 0o644)
  return try files.load()
}

/// Writes a file beside the old one, then puts it in its place.
private func replaceFile(_ path: String, _ bytes: [UInt8], mode: mode_t) throws {
  let fresh = path + ".new"
  unlink(fresh)
  let descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw TLSError("\(fresh) cannot be made: \(String(cString: strerror(errno)))") }
  defer { close(descriptor) }
  let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  guard written == bytes.count, fsync(descriptor) == 0, rename(fresh, path) == 0 else {
    throw TLSError("\(path) cannot be written: \(String(cString: strerror(errno)))")
  }
}

/// A text file as a whole. Blocks.
func readText(_ path: String) throws -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw TLSError("\(path) cannot be read: \(String(cString: strerror(errno)))") }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 65536)
  while bytes.count <= 16 << 20 {
    let count = read(descriptor, &piece, piece.count)
    if count == 0 { return String(decoding: bytes, as: UTF8.self) }
    guard count > 0 else {
      if errno == EINTR { continue }
      throw TLSError("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    bytes += piece[..<count]
  }
  throw TLSError("\(path) is larger than 16 MiB: that is no configuration")
}

func currentProcessID() -> Int32 { getpid() }
