import Administration
import ArgumentParser
import Network
import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom certificate`: one of our own making, until you have a better one.
struct Certificate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a certificate and a key of your own.",
    discussion: """
      Mail programs ask before they trust such a certificate. It encrypts as well as any other; it only cannot prove \
      to a stranger who you are. Name the files in [tls] of the configuration.
      """)
  @Argument(help: "Names of the host.") var names: [String]
  @Option(help: "Where the certificate goes.") var certificate = "certificate.pem"
  @Option(help: "Where the key goes.") var key = "key.pem"

  func run() throws {
    let made = try SelfMadeCertificate(names: names, now: Clock.system.now())
    try writeNewFile(key, made.keyPEM, mode: 0o600)
    try writeNewFile(certificate, made.certificatePEM, mode: 0o644)
    print("\(certificate) and \(key) are for \(names.joined(separator: ", ")).")
  }
}

/// Writes a file that must not be there yet.
func writeNewFile(_ path: String, _ bytes: [UInt8], mode: mode_t) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
  guard descriptor >= 0 else {
    throw CommandFailure("cannot make \(path): \(String(cString: strerror(errno))): remove it or choose another place")
  }
  defer { close(descriptor) }
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
    rest = rest.dropFirst(count)
  }
}
