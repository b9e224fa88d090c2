internal import MailFlow
internal import Store

/// STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
struct StoreCommand: SessionCommand {
  let request: StoreRequest

  func run(in session: Session) async throws -> Completion {
    let view = try session.requireWritable()
    let uids = try session.uids(request.set, isUID: request.isUID)
    if request.unchangedSince != nil { session.enableCondstore() }
    guard !uids.isEmpty else { return .ok("Nothing to store") }
    // What others did before is told first, so that the client knows what its change is a change of.
    try await session.reportUpdates(expunging: request.isUID)
    let before = session.view?.modSeq ?? view.modSeq
    let changed = try await session.services.flow.mailboxes.changeFlags(
      account: session.account, mailbox: view.id, uids: uids, change, FlagNames.flags(request.flags.system),
      keywords: request.flags.keywords, unchangedSince: request.unchangedSince)
    session.view?.takeInOwn(
      changed.modSeq, changed: changed.entries.filter { changed.changed.contains($0.uid) }, keywords: changed.keywords)
    try await session.catchUp()
    // A mod-sequence that does not follow at once says that somebody else was quicker: then nothing is kept silent.
    let isAlone = changed.modSeq <= before + 1
    try await report(changed, isSilent: request.isSilent && isAlone, in: session)
    return completion(uids, changed, in: session)
  }

  private var change: FlagChange {
    switch request.operation {
    case .add: .add
    case .remove: .remove
    case .replace: .replace
    }
  }

  private func report(_ changed: FlagsChanged, isSilent: Bool, in session: Session) async throws {
    let isCondstore = session.state.enabled.contains(.condstore)
    session.view?.markTold(changed.entries.lazy.map(\.uid), upTo: changed.modSeq)
    // New keywords are announced before they are used.
    session.writeNewKeywords()
    for entry in changed.entries {
      guard let sequence = session.view?.sequence(of: entry.uid) else { continue }
      if !isSilent {
        session.writeFlags(sequence, entry)
      } else if isCondstore, changed.changed.contains(entry.uid) || request.unchangedSince != nil {
        // RFC 7162 §3.1.3: the mod-sequence must be told even where the flags need not be.
        session.writeModSequence(sequence, entry)
      }
      try await session.sendIfMuch()
    }
  }

  private func completion(_ uids: UIDSet, _ changed: FlagsChanged, in session: Session) -> Completion {
    let there = UIDSet(changed.entries.lazy.map(\.uid)).union(changed.failed)
    let gone = uids.subtracting(there)
    if !changed.failed.isEmpty {
      let failed = session.set(changed.failed, isUID: request.isUID)
      return Completion(
        kind: gone.isEmpty || request.isUID ? .ok : .no, code: "MODIFIED \(failed)",
        text: "Some messages were changed by somebody else")
    }
    if !request.isUID, !gone.isEmpty {
      return .no("Some of the messages no longer exist", code: "EXPUNGEISSUED")
    }
    return .ok("Stored")
  }
}

/// COPY, UID COPY, MOVE and UID MOVE (RFC 9051 §6.4.7, §6.4.8).
struct CopyCommand: SessionCommand {
  private let set: SequenceSet
  private let mailbox: [UInt8]
  private let isUID: Bool
  private let isMoving: Bool

  init(_ scanner: inout Scanner, isUID: Bool, isMoving: Bool) throws(SyntaxError) {
    set = try scanner.sequenceSet()
    try scanner.space()
    mailbox = try scanner.astring("the name of a mailbox")
    try scanner.end()
    self.isUID = isUID
    self.isMoving = isMoving
  }

  func run(in session: Session) async throws -> Completion {
    let view = isMoving ? try session.requireWritable() : try session.requireView()
    let uids = try session.uids(set, isUID: isUID)
    let destination = try await session.mailbox(
      try session.name(mailbox, ifMissing: "CANNOT"), ifMissing: "TRYCREATE")
    guard !uids.isEmpty else { return .ok("No such messages, so nothing was done") }
    let mailboxes = session.services.flow.mailboxes
    let copied =
      isMoving
      ? try await mailboxes.move(account: session.account, from: view.id, uids: uids, to: destination.id)
      : try await mailboxes.copy(account: session.account, from: view.id, uids: uids, to: destination.id)
    guard !copied.source.isEmpty else {
      return isUID
        ? .ok("No such messages, so nothing was done")
        : .no("The messages no longer exist", code: "EXPUNGEISSUED")
    }
    let code = Self.copyUID(copied)
    guard isMoving else { return .ok("Copied", code: code) }
    // RFC 9051 §6.4.8: before the EXPUNGE responses.
    session.writer.untagged(.ok("Moved", code: code))
    return .ok("Moved")
  }

  /// Both sets in the order of copying (RFC 4315 §3): ascending in the source, and so in the destination.
  private static func copyUID(_ copied: Copied) -> String {
    "COPYUID \(copied.uidValidity) \(UIDSet(copied.source)) \(UIDSet(copied.destination))"
  }
}

/// EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9).
struct ExpungeCommand: SessionCommand {
  private let set: SequenceSet?

  init(set: SequenceSet?) { self.set = set }

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    set = try scanner.sequenceSet()
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let view = try session.requireWritable()
    let uids = try set.map { try session.uids($0, isUID: true) }
    if uids?.isEmpty == true { return .ok("Nothing to expunge") }
    let expunged = try await session.services.flow.mailboxes.expunge(
      account: session.account, mailbox: view.id, uids: uids ?? .all)
    session.view?.takeInOwn(expunged.modSeq, expunged: expunged.uids)
    return .ok("Expunged")
  }
}

extension Session {
  /// A set of messages as the numbers that the command used.
  func set(_ uids: UIDSet, isUID: Bool) -> String {
    guard !isUID, let view else { return "\(uids)" }
    return "\(UIDSet(view.sequences(of: uids)))"
  }

  /// `* n FETCH (UID … MODSEQ (…))`
  func writeModSequence(_ sequence: Int, _ entry: EntryFlags) {
    writer.text("* \(sequence) FETCH (UID \(entry.uid) MODSEQ (\(entry.modSeq)))")
    writer.endLine()
  }

  /// Announces keywords that the client has not heard of.
  func writeNewKeywords() {
    if view?.takeNewKeywords() == true { writeFlagsList() }
  }
}
