internal import SMTP

/// A way to a next hop that came to nothing. It says nothing about any message: whatever waits for this hop waits on, even
/// where the server's reply was a 5yz (it spoke to us, not about a message). Only where the DNS is sure that there is no
/// way, now and tomorrow, it ends what waits.
struct HostFailure: Error, Hashable, Sendable {
  let word: Word
  /// There is no way to the destination, and waiting makes none.
  var isFinal = false
  /// Another address of the same host, or another host, may do better.
  var mayTryOthers = true
  /// TLS was tried because it was offered, and failed: another connection may do without it.
  var mayTryWithoutTLS = false
  /// What kept the connection from being as safe as it must be, if that is why.
  var obstacle: SecurityObstacle?

  /// 4.4.1: no answer from host (RFC 3463 §3.5).
  static func unreachable(_ hop: String, _ reason: String) -> HostFailure {
    HostFailure(word: Word(EnhancedCode(4, 4, 1), "No connection to \(hop): \(reason)"))
  }

  /// 4.4.2: bad connection.
  static func broken(_ hop: String, _ reason: String) -> HostFailure {
    HostFailure(word: Word(EnhancedCode(4, 4, 2), "The connection to \(hop) came to nothing: \(reason)"))
  }

  /// 4.7.5: cryptographic failure; 4.7.4: security features not supported; 4.4.3: directory server failure.
  ///
  /// - Parameter because: whose wish it is that the connection be safe, as half a sentence.
  static func insecure(
    _ hop: String, _ obstacle: SecurityObstacle, because: String? = nil, mayTryWithoutTLS: Bool = false
  ) -> HostFailure {
    let why = because.map { " (\($0))" } ?? ""
    let word =
      switch obstacle.kind {
      case .certificate, .handshake: Word(EnhancedCode(4, 7, 5), "TLS with \(hop) failed: \(obstacle.reason)\(why)")
      case .noStartTLS, .noRequireTLS:
        Word(EnhancedCode(4, 7, 4), "Nothing was sent to \(hop): \(obstacle.reason)\(why)")
      case .dns: Word(EnhancedCode(4, 4, 3), "Nothing was sent to \(hop): \(obstacle.reason)\(why)")
      case .policy, .exchanger, .noDANE, .encryption:
        Word(EnhancedCode(4, 7, 5), "Nothing was sent to \(hop): \(obstacle.reason)\(why)")
      }
    var failure = HostFailure(word: word, mayTryWithoutTLS: mayTryWithoutTLS)
    failure.obstacle = obstacle
    return failure
  }

  /// 4.7.8: authentication credentials invalid (RFC 4954), as a transient error: the file can be put right.
  static func unauthenticated(_ hop: String, _ reason: String) -> HostFailure {
    HostFailure(
      word: Word(
        EnhancedCode(4, 7, 8),
        "\(hop) does not let us in: \(reason): check user and password-file of this route in appliance.conf"),
      mayTryOthers: false)
  }

  init(word: Word, isFinal: Bool = false, mayTryOthers: Bool = true, mayTryWithoutTLS: Bool = false) {
    self.word = word
    self.isFinal = isFinal
    self.mayTryOthers = mayTryOthers
    self.mayTryWithoutTLS = mayTryWithoutTLS
  }

  /// What the client machine gave up with.
  init(_ failure: ClientMachine.Failure, hop: String) {
    switch failure {
    case .refused(let reply, let command) where command == "AUTH":
      self = .unauthenticated(hop, "it answered AUTH with \(reply)")
    case .refused(let reply, let command): self = .broken(hop, "it answered \(command) with \(reply)")
    case .unsuitable(let sentence), .protocolViolation(let sentence): self = .broken(hop, sentence)
    }
  }
}
