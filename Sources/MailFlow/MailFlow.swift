public import Configuration
public import Logging
public import Message
public import Platform
public import Store

/// # MailFlow: the heart of the house
///
/// What happens to a message between the last byte of its content and the reply to it, and everything that changes a
/// recipient's state or a mailbox afterwards. All rooms above meet here: those that take mail in hand it an
/// ``Envelope`` and a ``ReceivedContent``; those that judge, plan and observe implement ``Judge``, ``Planner``,
/// ``Signer`` and ``MailboxObserver``.
///
///     Intake ──▶ prepare ─────────────────────────▶ commit ───────────────▶ reply ──▶ ChangeHub wakes who waits
///     (staging,   Judge (deadline) → verdicts        one transaction:        250 only after
///      one scan)  Planner → Plan with preconditions  content, envelope,      the commit is
///                 prefixes, variants, notifications  states, entries,        durable
///                 reads, never writes                queue rows, trace
///
/// Preparing may take seconds and never writes; committing takes microseconds and never asks anybody. A plan whose
/// preconditions no longer hold at the commit is made once more, then the client is asked to come again.
public final class MailFlow: Sendable {
  public let store: Store
  /// Who waits for changes is woken here.
  public let changes: ChangeHub
  let configuration: @Sendable () -> Configuration
  let judge: any Judge
  let planner: any Planner
  let signer: (any Signer)?
  let senderCheck: (any SenderCheck)?
  let observers: [any MailboxObserver]
  let clock: Clock
  let log: Logger
  let staging: StagingBudget
  let refusals: RefusalLedger
  let crashes = CrashRecord()

  /// - Parameters:
  ///   - configuration: gives the configuration in force; a reload is noticed at the next message.
  ///   - clock: the time of day; tests turn it by hand.
  public init(
    store: Store, configuration: @escaping @Sendable () -> Configuration, judge: any Judge, planner: any Planner,
    signer: (any Signer)? = nil, senderCheck: (any SenderCheck)? = nil, observers: [any MailboxObserver] = [],
    clock: Clock = .system,
    log: Logger = Logger(label: "mailflow")
  ) {
    self.store = store
    self.configuration = configuration
    self.judge = judge
    self.planner = planner
    self.signer = signer
    self.senderCheck = senderCheck
    self.observers = observers
    self.clock = clock
    self.log = log
    staging = StagingBudget(
      limits: {
        let limits = configuration().limits
        return StagingBudget.Limits(
          total: limits.staging, perPeer: limits.stagingPerAddress, reserve: limits.diskReserve)
      },
      freeSpace: { [store] in store.spaceLeft })
    refusals = RefusalLedger(store: store, clock: clock)
    changes = ChangeHub()
    store.onCommit { [changes] summary in changes.tell(summary) }
  }

  /// The time of day, as this house has it.
  public var now: Moment { clock.now() }

  /// Begins to take a message in.
  ///
  /// - Parameters:
  ///   - peer: whose share of the staging room it takes.
  ///   - reversePath: of the envelope; together with the peer it names the suspect should the process end over this.
  ///   - account: who puts the message into a mailbox of its own, and is the suspect then.
  ///   - declaredSize: of MAIL's SIZE or an IMAP literal, if there is one.
  /// - Throws: ``IntakeError/refused(_:)`` with 452 4.3.1 when there is no room, 552 5.3.4 when it is too large, 451
  ///   when the process has ended twice over messages of this sender and peer.
  public func beginIntake(
    origin: Origin, peer: IPAddress?, reversePath: EmailAddress? = nil, account: String? = nil,
    declaredSize: Int? = nil
  ) throws(IntakeError) -> Intake {
    let suspect = account.map { Suspect(account: $0) } ?? Suspect(peer: peer, reversePath: reversePath)
    let treatment = try admit(suspect, peer, declaredSize)
    return Intake(
      store: store, share: staging.share(of: peer), sizeLimit: configuration().limits.messageSize,
      isParsed: treatment != .unparsed, work: watch(suspect))
  }

  /// Throws what ``beginIntake(origin:peer:reversePath:account:declaredSize:)`` would throw now; for MAIL, before there is
  /// any content.
  public func checkIntake(
    peer: IPAddress?, reversePath: EmailAddress?, declaredSize: Int?
  ) throws(IntakeError) {
    _ = try admit(Suspect(peer: peer, reversePath: reversePath), peer, declaredSize)
  }

  private func admit(
    _ suspect: Suspect, _ peer: IPAddress?, _ declaredSize: Int?
  ) throws(IntakeError) -> CrashRecord.Treatment {
    let limit = configuration().limits.messageSize
    if let declaredSize, declaredSize > limit {
      throw .refused(Answer(552, "5.3.4", "The message is larger than the \(limit) bytes that are accepted here"))
    }
    guard !store.isReadOnly else { throw .refused(.readOnly) }
    guard staging.hasRoom(for: declaredSize ?? 0, from: peer) else { throw .refused(.noRoom) }
    let treatment = crashes.treatment(of: suspect, at: clock.now())
    if treatment == .later { throw .refused(Answer(451, "4.3.0", "Not now, try again in an hour")) }
    return treatment
  }

  /// Bytes of messages on their way in: of all, and of the peer with the most of them.
  public var stagedBytes: (total: Int, largestPeer: Int) { (staging.total, staging.largest) }

  /// What the planner says of a recipient; for RCPT.
  public func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
    await planner.resolve(address, for: sender, declaredSize: declaredSize)
  }

  /// Notes what became of the reply to an accepted message (RFC 1047): `.read` when the client went on or left in
  /// order after acknowledging it, `.lost` when it cannot have seen it.
  public func replyOutcome(_ id: EnvelopeID, _ outcome: ReplyOutcome) { store.markReply(id, outcome) }
}

/// What came of a message.
public enum Acceptance: Sendable {
  /// Durable. The answer is 250 with the id.
  case accepted(EnvelopeID, Answer)
  /// Nothing was kept.
  case refused(Answer)
  /// Writing failed and nobody knows what is on disk: close the connection without an answer. The store has told the
  /// appliance to restart.
  case unknown
}
