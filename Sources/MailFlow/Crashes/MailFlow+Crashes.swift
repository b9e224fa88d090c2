internal import Logging
internal import Message
public import Platform
public import Store

extension MailFlow {
  private static let crashSetting = "crashes"

  /// Counts what the last process was doing when it ended, if it ended before its time, and watches this one from now
  /// on. To be awaited once by the process that serves, before it takes mail in; never by a command.
  ///
  /// - Parameter file: for what is under way; best in memory, because whoever writes to a mapped page of a disk that does
  ///   not answer waits with it. Without it one in the store's folder.
  public func watchForCrashes(file: String? = nil) async throws {
    guard let slots = CrashSlots(path: file ?? "\(store.folder)/\(CrashSlots.fileName)", log: log) else { return }
    crashes.slots = slots
    let known = try await store.read { try $0.setting(Self.crashSetting) } ?? []
    let now = clock.now()
    crashes.load(known, found: slots.found, now: now)
    guard !slots.found.isEmpty, !store.isReadOnly else { return }
    for found in slots.found {
      log.warning("the process ended while it \(found.stage.words): \(displayable(found.suspect, limit: 500))")
    }
    let encoded = crashes.encoded
    let found = slots.found
    try await store.write { transaction in
      try transaction.setSetting(Self.crashSetting, encoded)
      for found in found { try Self.trace(found, now, in: &transaction) }
    }
  }

  /// What is known of an accepted message's part in a crash goes into its trace.
  private static func trace(
    _ found: CrashSlots.Found, _ now: Moment, in transaction: inout Transaction
  ) throws {
    var id = Suspect.envelope(ofRelay: found.suspect)
    if let content = Suspect.content(of: found.suspect) { id = try transaction.envelope(bringing: content) }
    guard let id, try transaction.envelope(id) != nil else { return }
    try transaction.trace(
      TraceStep(
        at: now, stage: found.stage == .relay ? Stage.relay : Stage.reading, what: "crash",
        words: "the process ended while it \(found.stage.words), and has started again"),
      of: id)
  }

  // MARK: What is watched

  /// A slot for what a peer sends before there is a message.
  public func watchSession(of peer: IPAddress?) -> WorkSlot { watch(Suspect(session: peer)) }

  /// A slot for a message on its way to a next hop.
  public func watchRelay(of envelope: EnvelopeID, to hop: String) -> WorkSlot {
    watch(Suspect(relay: envelope, hop: hop))
  }

  /// A slot for stored messages that are read; each ``WorkSlot/begin(_:content:)`` says which.
  public func watchReading() -> WorkSlot { watch(nil) }

  func watch(_ suspect: Suspect?) -> WorkSlot { crashes.slots?.take(suspect) ?? .unwatched }

  // MARK: What follows

  /// Whether a peer over whose commands the process has ended twice is to come again later.
  public func isPutOff(_ peer: IPAddress?) -> Bool {
    crashes.treatment(of: Suspect(session: peer), at: clock.now()) == .later
  }

  /// Whether a stored message is to be served as one opaque part, because the process has ended twice while it was read.
  public func isOpaque(_ content: ContentID) -> Bool { crashes.repeated(Suspect(content: content.value)) != nil }

  /// Why a message is not to be sent to a next hop any more: the process has ended twice over it. `nil`: it may go.
  public func crashReason(of envelope: EnvelopeID, to hop: String) -> String? {
    let relaying = crashes.repeated(Suspect(relay: envelope, hop: hop)).map {
      "crash: the process has ended \($0.count) times while it relayed this message to \(hop)"
    }
    let notifying = crashes.repeated(Suspect(notificationAbout: envelope)).map {
      "crash: the process has ended \($0.count) times while it wrote a notification about this message"
    }
    return relaying ?? notifying
  }

  /// Keeps queued recipients back until a person has looked at them.
  public func holdAfterCrash(_ ids: [RecipientID], reason: String) async throws {
    let now = clock.now()
    let words = displayable(reason, limit: 500)
    try await store.write { transaction in
      for id in ids {
        guard let current = try transaction.recipient(id), current.state == .queued else { continue }
        let step = TraceStep(
          at: now, recipient: current.address, stage: Stage.relay, what: "held",
          words: "\(words); `postroom queue release` or `delete`")
        try transaction.update(id, trace: step) { row in
          row.state = .held
          row.due = nil
          row.attempting = nil
          row.said = words
        }
      }
    }
  }

  /// A person has let a message go: whoever was suspect because of it has new chances.
  func forgive(_ envelope: StoredEnvelope) async throws {
    let sender = Suspect(
      peer: envelope.peer.flatMap { IPAddress($0) }, reversePath: envelope.sender.flatMap { EmailAddress($0) })
    let relay = Suspect.relay(envelope.id)
    guard crashes.forget(where: { $0 == sender.key || $0.hasPrefix(relay) }) else { return }
    let encoded = crashes.encoded
    try await store.write { try $0.setSetting(Self.crashSetting, encoded) }
  }
}
