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

  var appendLimit: Int { configuration().limits.messageSize }
}
