internal import MailFlow
internal import SMTP

/// What went wrong with the hosts of one way, and what that means for those who wait.
struct Setbacks: Sendable {
  private let destination: String
  private let wish: TransportWish
  private var last: HostFailure?
  /// A host that could be reached and was not safe enough.
  private var insecure: HostFailure?
  /// Something that may be better tomorrow.
  private var passing: HostFailure?
  /// What keeps hosts from ever meeting REQUIRETLS.
  private var unfit: [(host: String, obstacle: SecurityObstacle)] = []

  init(destination: String, wish: TransportWish) {
    self.destination = destination
    self.wish = wish
  }

  mutating func add(_ failure: HostFailure, at host: String) {
    last = failure
    guard let obstacle = failure.obstacle else {
      passing = passing ?? failure
      return
    }
    insecure = insecure ?? failure
    if obstacle.isLasting {
      if !unfit.contains(where: { $0.host == host }) { unfit.append((host, obstacle)) }
    } else {
      passing = passing ?? failure
    }
  }

  /// There was no time for all hosts.
  mutating func breakOff() {
    passing = passing ?? .unreachable(destination, "there was no time to try all of its servers")
  }

  /// Why nobody could be given the mail.
  ///
  /// What is not safe enough waits, and that is what is told, rather than that another host is down. With REQUIRETLS there is no
  /// use in waiting once no host can meet it (RFC 8689 §4.2.1).
  func failure(_ itinerary: Itinerary) -> HostFailure {
    let unknown = itinerary.unknownHost(for: destination)
    if wish == .required, passing == nil, unknown == nil, !unfit.isEmpty { return .unmet(destination, unfit) }
    if wish == .required, let passing = passing ?? unknown { return passing }
    return insecure ?? last ?? itinerary.failure(for: destination)
  }
}

extension SecurityObstacle {
  /// Whether a host that has it can never meet REQUIRETLS, as far as can be known.
  fileprivate var isLasting: Bool {
    switch kind {
    case .exchanger, .encryption, .noStartTLS, .certificate, .noRequireTLS: true
    case .dns, .policy, .noDANE, .handshake: false
    }
  }
}

extension HostFailure {
  /// 5.7.30 where a host is safe and does not offer REQUIRETLS, else 5.7.10 (RFC 8689 §4.2.1).
  fileprivate static func unmet(_ destination: String, _ unfit: [(host: String, obstacle: SecurityObstacle)])
    -> HostFailure
  {
    let isNearlyMet = unfit.contains { $0.obstacle.kind == .noRequireTLS }
    let reasons = unfit.prefix(5).map { "\($0.host): \($0.obstacle.reason)" }.joined(separator: "; ")
    var failure = HostFailure(
      word: Word(
        EnhancedCode(5, 7, isNearlyMet ? 30 : 10),
        "The message may go over protected connections only (REQUIRETLS), and no server of \(destination) offers one: "
          + reasons),
      isFinal: true, mayTryOthers: false)
    failure.obstacle = unfit.first?.obstacle
    return failure
  }
}
