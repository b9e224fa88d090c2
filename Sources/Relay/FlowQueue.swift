public import Configuration
public import Logging
public import MailFlow
public import Network
public import Platform
public import Resolver
internal import Store

/// The one queue, through MailFlow.
struct FlowQueue: RelayQueue {
  let flow: MailFlow

  func due(perDestination: Int) async throws -> [QueueRow] { try await flow.due(perDestination: perDestination) }

  func nextDue(after: Moment) async throws -> Moment? { try await flow.nextDue(after: after) }

  func onNews(_ told: @escaping @Sendable (QueueNews) -> Void) -> any Sendable {
    flow.changes.subscribeToQueue { change in
      switch change {
      case .queue(let due): told(.changed(due: due))
      case .retry: told(.retryAsked)
      default: break
      }
    }
  }

  func stillQueued(_ ids: [RecipientID]) async throws -> Set<RecipientID> {
    try await flow.store.read { reader in
      Set(try ids.filter { try reader.recipient($0)?.state == .queued })
    }
  }

  func open(_ content: ContentID, prefix: PrefixID?) async throws -> OutgoingContent? {
    guard let message = try await flow.store.open(content, prefix: prefix) else { return nil }
    return OutgoingContent(
      size: message.size, facts: ContentFacts(rawValue: message.content.facts),
      hasInternationalizedPrefix: message.prefix.contains { $0 >= 0x80 },
      read: { try await message.bytes(from: $0, count: $1) })
  }

  func recordAttempt(_ ids: [RecipientID], host: String) async throws {
    try await flow.recordAttempt(ids, host: host)
  }

  func recordOutcomes(_ outcomes: [RecipientID: AttemptOutcome]) async throws {
    try await flow.recordOutcomes(outcomes)
  }

  func watch(_ envelope: EnvelopeID, to hop: String) -> WorkSlot { flow.watchRelay(of: envelope, to: hop) }

  func crashReason(of envelope: EnvelopeID, to hop: String) -> String? { flow.crashReason(of: envelope, to: hop) }

  func holdAfterCrash(_ ids: [RecipientID], reason: String) async throws {
    try await flow.holdAfterCrash(ids, reason: reason)
  }

  func recoverAttempts() async throws { try await flow.recoverAttempts() }
}

extension QueueRunner {
  /// - Parameters:
  ///   - connector: makes the connections; its owner shuts it down.
  ///   - dns: where a domain's servers are looked up; its owner closes it.
  ///   - trust: the certificates that `verified` and `implicit` routes are checked against.
  public init(
    flow: MailFlow, configuration: @escaping @Sendable () -> Configuration, connector: Connector, trust: ClientTrust,
    dns: any DNS, clock: Clock = .system, log: Logger = Logger(label: "relay")
  ) {
    var dialer = Dialer(connector: connector, trust: trust, dns: dns)
    dialer.security.account = SessionAccount(clock: clock) { [store = flow.store] in store.countLazily($0) }
    let fetch = STSFetch(
      dns: dns, client: HTTPSClient(connector: connector, trust: trust),
      mayConnect: { address in
        AddressRules(allowed: configuration().relay.internalNetworks, own: Machine.ownAddresses()).verdict(address)
          != .forbidden
      })
    dialer.security.policies = STSPolicies(
      dns: dns, fetch: { await fetch.document(of: $0) }, cache: StoredSTSPolicies(store: flow.store), clock: clock,
      log: log)
    self.init(
      queue: FlowQueue(flow: flow), configuration: configuration, dialer: dialer, clock: clock, log: log)
  }
}
