internal import Accounts
internal import Configuration
internal import Logging
internal import MailFlow
internal import Store

/// The rooms that a session works with.
struct SessionServices: Sendable {
  let store: Store
  let flow: MailFlow
  let authenticator: Authenticator
  let configuration: @Sendable () -> Configuration
  var log: Logger
  var limits = SessionLimits()
  let cards: CardFiller

  init(
    store: Store, flow: MailFlow, authenticator: Authenticator,
    configuration: @escaping @Sendable () -> Configuration, log: Logger, limits: SessionLimits = SessionLimits()
  ) {
    self.store = store
    self.flow = flow
    self.authenticator = authenticator
    self.configuration = configuration
    self.log = log
    self.limits = limits
    cards = CardFiller(flow)
  }

  var appendLimit: Int { configuration().limits.messageSize }
}
