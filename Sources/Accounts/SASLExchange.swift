import Configuration

/// One authentication exchange; belongs to one session. Drives a ``SASLMachine``.
public actor SASLExchange {
  private var machine: any SASLMachine
  private let authenticator: Authenticator
  private let session: LoginSession
  /// The end, once it is known: later steps hear it again.
  private var end: SASLStep?

  private var claim: Authenticator.Claim?
  /// The account that was proved; it logs in when the machine says so.
  private var account: String?
  private var ticket: GuessThrottle.Ticket?

  init(
    _ machine: any SASLMachine, _ authenticator: Authenticator, _ session: LoginSession,
    refusing refusal: LoginRefusal? = nil
  ) {
    self.machine = machine
    self.authenticator = authenticator
    self.session = session
    end = refusal.map(SASLStep.refused)
  }

  /// The client's next bytes (after base64); `nil` where it sent no initial response.
  ///
  /// May take seconds when somebody guesses. After ``SASLStep/accepted(account:)`` or ``SASLStep/refused(_:)`` the
  /// exchange is over.
  public func step(_ response: [UInt8]?) async -> SASLStep {
    if let end { return end }
    // After a look-up the response is a proof: it may be looked at when its turn has come.
    if let claim, ticket == nil {
      do {
        guard let admitted = try await authenticator.admit(claim, session) else { return finish(.refused(.busy)) }
        ticket = admitted.ticket
      } catch {
        return finish(.refused(authenticator.broken(error, nil, session)))
      }
    }
    return await carryOut(machine.receive(response))
  }

  private func carryOut(_ first: SASLAction) async -> SASLStep {
    var action = first
    while true {
      switch action {
      case .challenge(let bytes): return .challenge(bytes)
      case .succeed: return await succeed()
      case .fail(let refusal):
        if let claim, refusal == .credentials { authenticator.failed(claim, session) }
        return finish(.refused(refusal))
      case .check(let credentials):
        switch await authenticator.check(credentials, session) {
        case .success(let name):
          account = name
          action = machine.answer(.checked(true))
        case .failure(.credentials): action = machine.answer(.checked(false))
        case .failure(let refusal): return finish(.refused(refusal))
        }
      case .lookUp(let user):
        let claim = authenticator.claim(user)
        self.claim = claim
        account = claim.account?.name
        do {
          let (verifier, isReal) = try await authenticator.verifier(of: claim)
          action = machine.answer(.found(verifier, isReal: isReal))
        } catch {
          return finish(.refused(authenticator.broken(error, nil, session)))
        }
      }
    }
  }

  private func succeed() async -> SASLStep {
    guard let account else { return finish(.refused(.credentials)) }
    if let claim, let ticket { await authenticator.succeeded(claim, ticket, session) }
    return finish(.accepted(account: account))
  }

  private func finish(_ step: SASLStep) -> SASLStep {
    end = step
    return step
  }
}
