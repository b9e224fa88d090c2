public import Configuration
internal import Logging
public import Network
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// The certificates that the services show: the configuration's, or a self-made one in the data folder until there is one.
final class Certificates: Sendable {
  let contexts: TLSContexts
  private let shown: Held<[TLSIdentity]>
  private let selfMade: Held<Bool>
  private let clock: Clock
  private let logger: Logger

  init(_ configuration: Configuration, clock: Clock, logger: Logger) throws {
    let identities = try Self.load(configuration, clock: clock, logger: logger)
    contexts = try TLSContexts(identities)
    shown = Held(identities)
    selfMade = Held(configuration.tls.identity == nil)
    self.clock = clock
    self.logger = logger
  }

  /// Reads the files of a configuration anew. Nothing changes before the returned closure is called.
  func prepare(_ configuration: Configuration) throws -> @Sendable () -> Void {
    let identities = try Self.load(configuration, clock: clock, logger: logger)
    let swap = try contexts.prepare(identities)
    return {
      swap()
      self.shown.value = identities
      self.selfMade.value = configuration.tls.identity == nil
    }
  }

  /// What the administrator should know, a sentence each.
  func troubles(_ configuration: Configuration) -> [String] {
    var troubles: [String] = []
    if selfMade.value {
      troubles.append("the certificate is self-made, so mail programs will warn: name a real one under [tls]")
    } else if let facts = shown.value.first?.certificate.facts, !facts.covers(configuration.hostname) {
      troubles.append(
        "the certificate is not for \(configuration.hostname), but for \(facts.names.joined(separator: ", "))")
    }
    let now = clock.now()
    for identity in shown.value where identity.certificate.facts.notAfter < now + .seconds(14 * 86_400) {
      let facts = identity.certificate.facts
      let verb = facts.notAfter < now ? "ended" : "ends"
      troubles.append("the certificate for \(facts.names.joined(separator: ", ")) \(verb) at \(facts.notAfter)")
    }
    return troubles
  }

  private static func load(_ configuration: Configuration, clock: Clock, logger: Logger) throws -> [TLSIdentity] {
    var identities: [TLSIdentity] = []
    if let identity = configuration.tls.identity {
      identities.append(TLSIdentity(try identity.file.load()))
    } else {
      identities.append(TLSIdentity(try selfMade(configuration, clock: clock, logger: logger)))
    }
    for named in configuration.tls.named {
      identities.append(TLSIdentity(try named.file.load(), names: named.names))
    }
    return identities
  }

  // MARK: The self-made one

  /// The one in the data folder, or a new one if there is none, if it is about to end, or if the host has another name now.
  private static func selfMade(_ configuration: Configuration, clock: Clock, logger: Logger) throws -> Certificate {
    let file = CertificateFile(of: configuration)
    if let present = try? file.load(), present.facts.covers(configuration.hostname),
      present.facts.notAfter > clock.now() + .seconds(86_400)
    {
      return present
    }
    let names = [configuration.hostname, "localhost", "127.0.0.1", "::1"]
    let made = try SelfMadeCertificate(names: names, now: clock.now())
    // The key first: a certificate without its key would be of no use.
    try write(made.keyPEM, to: file.key, mode: 0o600)
    try write(made.certificatePEM, to: file.certificate, mode: 0o644)
    logger.notice(
      "A self-made certificate was written",
      metadata: ["host": "\(configuration.hostname)", "file": "\(file.certificate)"])
    return try file.load()
  }

  /// Writes a file in one step: whoever reads it meets the old one or the new one.
  private static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws {
    let temporary = path + ".new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw TLSError("\(temporary) cannot be made: \(systemText())") }
    let written = Glibc.write(descriptor, bytes, bytes.count)
    let done = written == bytes.count && fsync(descriptor) == 0
    let reason = systemText()
    close(descriptor)
    guard done, rename(temporary, path) == 0 else {
      unlink(temporary)
      throw TLSError("\(path) cannot be written: \(done ? systemText() : reason)")
    }
  }

  private static func systemText() -> String { String(cString: strerror(errno)) }
}

extension CertificateFile {
  /// Where the services have their first certificate from: the configuration's, or the self-made one in the data folder.
  public init(of configuration: Configuration) {
    let (folder, identity) = (configuration.dataFolder, configuration.tls.identity)
    self.init(
      certificate: identity?.certificate ?? folder + "/certificate.pem", key: identity?.key ?? folder + "/key.pem")
  }
}

extension Configuration.TLS.Identity {
  fileprivate var file: CertificateFile { CertificateFile(certificate: certificate, key: key) }
}
