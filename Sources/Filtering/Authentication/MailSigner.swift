internal import Configuration
public import Logging
internal import MailAuthentication
public import MailFlow
internal import Message
public import Platform
public import Store

/// MailFlow's signer: DKIM on what leaves in our name, a seal (ARC) on what is passed on.
public struct MailSigner: Signer {
  private let ring: SigningKeyRing
  private let clock: Clock
  private let log: Logger

  public init(store: Store, clock: Clock = .system, log: Logger = Logger(label: "signing")) {
    ring = SigningKeyRing(store: store, clock: clock, log: log)
    self.clock = clock
    self.log = log
  }

  public func signature(for message: JudgedMessage) async -> [UInt8] {
    do {
      return message.envelope.origin.isFromOutside ? try await seal(message) : try await signature(message)
    } catch {
      // Mail without a signature arrives, as a rule; mail that waits for ever does not.
      log.error("a message leaves unsigned: \(error)")
      return []
    }
  }

  private func signature(_ message: JudgedMessage) async throws -> [UInt8] {
    guard case .domain(let author) = Author(message.header) else { return [] }
    // A sub-domain's mail is signed by the domain of ours that it is in.
    let domains = sequence(first: author) { $0.parent }.map(\.ascii).filter {
      message.configuration.isLocal(domain: $0) || $0 == message.configuration.hostname
    }
    let identities = try await ring.identities(forFirstOf: domains)
    guard !identities.isEmpty else { return [] }
    return try DKIMSigner.signatures(
      of: message.header, bodyHash: try await bodyHash(message.content.body), by: identities, at: clock.now())
  }

  private func seal(_ message: JudgedMessage) async throws -> [UInt8] {
    guard let report = message.sender?.evidence as? AuthenticationReport else { return [] }
    // One signature is all that a set has room for; RSA is what everybody can verify.
    let identities = try await ring.identities(forFirstOf: message.configuration.domains.map(\.name))
    guard let identity = identities.first(where: { $0.key.algorithm == .rsaSHA256 }) ?? identities.first else {
      return []
    }
    return try ARCSealer.seal(
      message.header, bodyHash: try await bodyHash(message.content.body),
      results: report.results(authority: message.configuration.hostname), chain: report.arc, by: identity,
      at: clock.now()) ?? []
  }

  private func bodyHash(_ body: ReceivedBody) async throws -> [UInt8] {
    let hash = RelaxedBodyHash()
    var offset = 0
    while offset < body.size {
      let piece = try await body.bytes(from: offset, count: 64 << 10)
      if piece.isEmpty { break }
      hash.append(piece)
      offset += piece.count
    }
    return hash.finish()
  }
}
