public import Configuration
public import Logging
public import MailAuthentication
public import MailFlow
internal import Message
public import Network
public import Platform
public import Resolver
internal import Store

/// The one queue, through MailFlow.
struct FlowQueue: RelayQueue {
  let flow: MailFlow

  func due(
    at orders: [(destination: String, limit: Int, known: Set<RecipientID>)]
  ) async throws -> (rows: [QueueRow], cut: Set<String>) {
    try await flow.due(at: orders)
  }

  func settleDueElsewhere() async throws -> Bool { try await flow.settleDueElsewhere() }

  func dueDestinations(after: String, limit: Int) async throws -> DueDestinations {
    try await flow.dueDestinations(after: after, limit: limit)
  }

  func becameDue(after mark: DueMark, limit: Int) async throws -> BecameDue {
    try await flow.becameDue(after: mark, limit: limit)
  }

  func nextDue(after: Moment) async throws -> Moment? { try await flow.nextDue(after: after) }

  func bringBackStranded() async throws { try await flow.bringBackStranded() }

  func clockWasSetBack(by step: Duration) async throws { try await flow.clockWasSetBack(by: step) }

  func onNews(_ told: @escaping @Sendable (QueueNews) -> Void) -> any Sendable {
    flow.changes.subscribeToQueue { change in
      switch change {
      case .queue(let change): told(.changed(change))
      case .retry: told(.retryAsked)
      default: break
      }
    }
  }

  /// Messages up to this size are read with the transaction that opens them.
  private static let loadedAtOnce = 64 * 1024

  func open(_ content: ContentID?, prefix: PrefixID?, for ids: [RecipientID]) async throws -> OpenedMessage {
    let queued: @Sendable (borrowing Reader) throws -> Set<RecipientID> = { reader in
      Set(try ids.filter { try reader.recipient($0)?.state == .queued })
    }
    guard let content else { return OpenedMessage(content: nil, queued: try await flow.store.read(queued)) }
    let found = try await flow.store.open(content, prefix: prefix, loading: Self.loadedAtOnce, also: queued)
    return OpenedMessage(
      content: found.message.map { message in
        OutgoingContent(
          size: message.size, facts: ContentFacts(rawValue: message.content.facts),
          hasInternationalizedPrefix: message.prefix.contains { $0 >= 0x80 },
          read: { try await message.bytes(from: $0, count: $1) })
      }, queued: found.also)
  }

  func sevenBit(_ row: QueueRow, _ source: OutgoingContent) async throws -> OutgoingContent? {
    guard let id = row.recipient.content,
      let columns = try await flow.store.read({ try $0.columns(of: id, [.header, .structure]) }),
      let structure = MIMEStructure(encoded: columns.structure)
    else { return nil }
    let header = HeaderSection(columns.header)
    // A stranger's signature would not survive it (RFC 6376 §5.3), and is not ours to break.
    if Envelope(row).origin.isFromOutside, header.first("DKIM-Signature") != nil { return nil }
    return try await SevenBitContent.make(source, header: header, structure: structure)
  }

  func recordAttempt(_ ids: [RecipientID], host: String) async throws {
    try await flow.recordAttempt(ids, host: host)
  }

  func recordOutcomes(_ left: inout [(row: QueueRow, outcome: AttemptOutcome)]) async throws {
    try await flow.recordOutcomes(&left)
  }

  func watch(_ envelope: EnvelopeID, to hop: String) -> WorkSlot { flow.watchRelay(of: envelope, to: hop) }

  func crashReason(of envelope: EnvelopeID, to hop: String) -> String? { flow.crashReason(of: envelope, to: hop) }

  func holdAfterCrash(_ ids: [RecipientID], reason: String) async throws {
    try await flow.holdAfterCrash(ids, reason: reason)
  }

  func recoverAttempts() async throws { try await flow.recoverAttempts() }

  func troubles() async throws -> [StoredTrouble] { try await flow.troubles() }

  func keepTroubles(_ changes: [String: StoredTrouble?]) async throws { try await flow.keepTroubles(changes) }
}

extension QueueRunner {
  /// - Parameters:
  ///   - connector: makes the connections; its owner shuts it down.
  ///   - dns: where a domain's servers are looked up; its owner closes it.
  ///   - trust: the certificates that `verified` and `implicit` routes are checked against.
  ///   - rewriting: gives forwarded mail a reverse-path of ours.
  public init(
    flow: MailFlow, configuration: @escaping @Sendable () -> Configuration, connector: Connector, trust: ClientTrust,
    dns: any DNS, rewriting: SenderRewriting? = nil, clock: Clock = .system, log: Logger = Logger(label: "relay")
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
      queue: FlowQueue(flow: flow), configuration: configuration, dialer: dialer, rewriting: rewriting, clock: clock,
      log: log)
  }
}
