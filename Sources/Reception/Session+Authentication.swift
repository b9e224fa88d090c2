internal import Accounts
internal import Configuration
internal import MailFlow
internal import SMTP

/// AUTH: the exchange is Accounts', the wire is the machine's (RFC 4954).
extension Session {
  mutating func beginAuthentication(_ mechanism: String, _ initial: [UInt8]?) async throws -> Bool {
    guard let authenticator = reception.authenticator, let loginSession else {
      return try await carryOut(machine.authenticationRefused(Reply(504, "5.5.4", "Nobody can authenticate here")))
    }
    let exchange = authenticator.begin(mechanism: mechanism, session: loginSession)
    self.exchange = exchange
    return try await take(exchange.step(initial))
  }

  mutating func continueAuthentication(_ response: [UInt8]) async throws -> Bool {
    guard let exchange else {
      return try await carryOut(machine.authenticationRefused(Reply(501, "5.5.2", "No exchange is under way")))
    }
    return try await take(exchange.step(response))
  }

  private mutating func take(_ step: SASLStep) async throws -> Bool {
    switch step {
    case .challenge(let bytes):
      try await say(machine.authenticationChallenge(bytes))
      return true
    case .refused(let refusal):
      exchange = nil
      log.notice("authentication refused: \(refusal.text)")
      let reply = Reply(refusal)
      trace(.authentication, reply)
      return try await carryOut(machine.authenticationRefused(reply))
    case .accepted(let account):
      exchange = nil
      return try await authenticated(as: account)
    }
  }

  private mutating func authenticated(as account: String) async throws -> Bool {
    let before = facts
    facts.configuration = reception.configuration()
    facts.account = account
    facts.isAuthenticated = true
    facts.device = nil
    switch await reception.policy.authenticated(facts) {
    case .refuse(let answer):
      facts = before
      trace(.authentication, Reply(answer))
      return try await carryOut(machine.authenticationRefused(Reply(answer)))
    case .accept(let terms):
      log.info("\(account) has authenticated")
      let reply = machine.authenticationAccepted()
      adopt(terms)
      try await say(reply)
      return true
    }
  }
}

extension Reply {
  /// The codes of RFC 4954 for each reason.
  init(_ refusal: LoginRefusal) {
    switch refusal {
    case .credentials: self.init(535, "5.7.8", refusal.text)
    case .busy: self.init(454, "4.7.0", refusal.text)
    case .needsEncryption: self.init(538, "5.7.11", refusal.text)
    case .malformed: self.init(501, "5.5.2", refusal.text)
    case .unknownMechanism: self.init(504, "5.5.4", refusal.text)
    }
  }
}
