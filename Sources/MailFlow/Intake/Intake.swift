internal import Message
internal import Platform
internal import Store
internal import Synchronization

/// Why a content cannot be taken.
public enum IntakeError: Error, Sendable, Hashable {
  /// The client gets this answer, after its content has been read to the end.
  case refused(Answer)
  /// Writing failed and nobody knows what is on disk: the connection is closed without an answer.
  case unknown
}

/// One message coming in: scanned, hashed and stored away while it streams.
///
///     append… ──▶ header section (memory, bounded) ──▶ body: pieces of 64 KiB in memory, up to 256 KiB
///                                                       └─▶ beyond that: staged through the store
///     finish ──▶ ReceivedContent        abandon ──▶ nothing is left
///
/// It belongs to one session, which feeds it in order. Whatever comes, it never holds more than its share: from the
/// first refusal on it swallows bytes and remembers only the answer, so that the session can read to the content's
/// end and then tell.
public final class Intake: Sendable {
  /// A header section longer than this is refused.
  public static let headerLimit = 1 << 20
  /// A message with more header fields than this is refused.
  public static let fieldLimit = 10_000

  private enum Body {
    /// Pieces of ``Store/chunkSize`` bytes, the last one perhaps shorter.
    case memory([[UInt8]])
    case staged(StagedBody)
  }

  private struct State {
    var header = HeaderCollector(limit: Intake.headerLimit)
    var section: HeaderSection?
    var scanner: MIMEScanner?
    var body = Body.memory([])
    var size = 0
    var bodySize = 0
    /// Body bytes that go to the store with the next ``Intake/flush()``.
    var pending: [UInt8] = []
    var refusal: IntakeError?
    var isOver = false
  }

  /// What is left when the last byte has been taken.
  private struct Taken: Sendable {
    var section: HeaderSection
    var structure: MIMEStructure
    var body: Body
    var bodySize: Int
  }

  private let store: Store
  private let share: StagingBudget.Share
  private let sizeLimit: Int
  /// `false`: the process ended over such messages before; nothing of this one is looked at.
  private let isParsed: Bool
  let work: WorkSlot
  private let state = Mutex(State())

  /// Bytes that wait before they are handed to the store in one go.
  private static let flushSize = 1 << 18

  init(
    store: Store, share: StagingBudget.Share, sizeLimit: Int, isParsed: Bool = true, work: WorkSlot = .unwatched
  ) {
    self.store = store
    self.share = share
    self.sizeLimit = sizeLimit
    self.isParsed = isParsed
    self.work = work
    if !isParsed { state.withLock { $0.section = HeaderSection([]) } }
  }

  deinit { abandon() }

  /// Bytes taken in so far.
  public var size: Int { state.withLock { $0.size } }

  /// The refusal that ``finish()`` will throw, as soon as it is known.
  public var refusal: IntakeError? { state.withLock { $0.refusal } }

  /// Takes the next bytes, whatever they are. Returns whether ``flush()`` should be awaited before more comes: that is
  /// how the disk holds the sender back.
  public func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let (isRefused, mustFlush) = state.withLock { state in
      guard state.refusal == nil, !state.isOver else { return (false, false) }
      if let answer = admit(bytes.count, &state) {
        Self.refuse(.refused(answer), &state)
      } else {
        work.during(.scan) { takeContent(bytes, &state) }
      }
      return (state.refusal != nil, state.pending.count >= Self.flushSize)
    }
    // At once, and not at the content's end, which its sender may put off for long.
    if isRefused { share.release() }
    return mustFlush
  }

  /// ``take(_:)`` and, when it is time, ``flush()``.
  public func append(_ bytes: some Collection<UInt8>) async {
    let shouldFlush =
      bytes.withContiguousStorageIfAvailable { take(UnsafeRawBufferPointer($0)) }
      ?? Array(bytes).withUnsafeBytes { take($0) }
    if shouldFlush { await flush() }
  }

  /// Writes what waits to the store. Afterwards memory holds nothing of the body.
  public func flush() async {
    let work: (StagedBody, [UInt8])? = state.withLock { state in
      guard case .staged(let staged) = state.body, !state.pending.isEmpty, state.refusal == nil else { return nil }
      defer { state.pending = [] }
      return (staged, state.pending)
    }
    guard let (staged, bytes) = work else { return }
    do {
      // The disk may have filled since this message began.
      guard share.fitsOnDisk(bytes.count) else { throw IntakeError.refused(.noRoom) }
      try await staged.append(bytes)
    } catch {
      let refusal = Self.refusal(for: error)
      state.withLock { Self.refuse(refusal, &$0) }
      share.release()
    }
  }

  /// The content, after its last byte.
  ///
  /// - Throws: ``IntakeError``; then nothing is left of the message.
  public func finish() async throws(IntakeError) -> ReceivedContent {
    await flush()
    guard let taken = work.during(.scan, takeAll) else {
      let refusal = refusal ?? .refused(Answer(451, "4.3.0", "The message was given up before its end"))
      abandon()
      throw refusal
    }
    do {
      let (place, hash) = try await Self.close(taken.body)
      let digest = SHA256()
      digest.update(SHA256.hash(taken.section.bytes))
      digest.update(hash)
      let body = ReceivedBody(place: place, size: taken.bodySize, hash: hash, share: share, work: work)
      return ReceivedContent(
        header: taken.section, structure: taken.structure, body: body, hash: digest.finish(), isParsed: isParsed)
    } catch {
      if case .staged(let staged) = taken.body { staged.drop() }
      share.release()
      throw Self.refusal(for: error)
    }
  }

  /// Drops everything. Harmless after ``finish()`` and when repeated.
  public func abandon() {
    let dropped: Body? = state.withLock { state in
      guard !state.isOver else { return nil }
      state.isOver = true
      defer {
        state.body = .memory([])
        state.pending = []
      }
      return state.body
    }
    guard let dropped else { return }
    if case .staged(let staged) = dropped { staged.drop() }
    share.release()
  }
}

extension Intake {
  /// Counts bytes that came; the answer if they are too many.
  private func admit(_ count: Int, _ state: inout State) -> Answer? {
    let (size, overflow) = state.size.addingReportingOverflow(count)
    guard !overflow, size <= sizeLimit else {
      return Answer(552, "5.3.4", "The message is larger than the \(sizeLimit) bytes that are accepted here")
    }
    guard share.take(count) else { return .noRoom }
    state.size = size
    return nil
  }

  private func takeContent(_ bytes: UnsafeRawBufferPointer, _ state: inout State) {
    if isParsed { plantedTrap(.scan, in: Array(bytes)) }
    var rest = bytes
    if state.section == nil {
      rest = UnsafeRawBufferPointer(rebasing: bytes[state.header.append(bytes)...])
      if state.header.isTooLarge {
        let answer = Answer(552, "5.3.4", "The header section is larger than \(Self.headerLimit) bytes")
        return Self.refuse(.refused(answer), &state)
      }
      guard state.header.isComplete else { return }
      Self.completeHeader(&state)
      guard state.refusal == nil else { return }
    }
    guard rest.count > 0 else { return }
    state.scanner?.append(rest)
    state.bodySize += rest.count
    switch state.body {
    case .staged: state.pending.append(contentsOf: rest)
    case .memory(var pieces):
      // The pieces must have one owner while they grow, or each append would copy them.
      state.body = .memory([])
      Self.append(rest, to: &pieces)
      if state.bodySize > Store.inlineLimit {
        state.pending = Array(pieces.joined())
        state.body = .staged(store.stage())
      } else {
        state.body = .memory(pieces)
      }
    }
  }

  private static func append(_ bytes: UnsafeRawBufferPointer, to pieces: inout [[UInt8]]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if pieces.last.map({ $0.count >= Store.chunkSize }) ?? true { pieces.append([]) }
      let last = pieces.count - 1
      let part = rest.prefix(Store.chunkSize - pieces[last].count)
      pieces[last].append(contentsOf: UnsafeRawBufferPointer(rebasing: part))
      rest = rest.dropFirst(part.count)
    }
  }

  private static func completeHeader(_ state: inout State) {
    let section = HeaderSection(state.header.bytes)
    state.section = section
    // What stands behind so many fields nobody would look at, and something could be hidden there.
    guard section.count <= fieldLimit else {
      return refuse(.refused(Answer(552, "5.3.4", "The message has more than \(fieldLimit) header fields")), &state)
    }
    state.scanner = MIMEScanner(header: section)
  }

  /// Ends the taking: everything that came, or `nil` if it was refused or given up.
  private func takeAll() -> Taken? {
    state.withLock { state in
      guard state.refusal == nil, !state.isOver else { return nil }
      if state.section == nil { Self.completeHeader(&state) }
      guard state.refusal == nil, let section = state.section else { return nil }
      state.isOver = true
      let structure = state.scanner?.finish() ?? .opaque(bodySize: state.bodySize)
      defer { state = State(isOver: true) }
      return Taken(section: section, structure: structure, body: state.body, bodySize: state.bodySize)
    }
  }

  private static func close(_ body: Body) async throws -> (ReceivedBody.Place, hash: [UInt8]) {
    switch body {
    case .staged(let staged): return (.staged(staged), try await staged.finish())
    case .memory(let pieces):
      let digest = SHA256()
      for piece in pieces { digest.update(piece) }
      return (.memory(pieces), digest.finish())
    }
  }

  private static func refuse(_ refusal: IntakeError, _ state: inout State) {
    state.refusal = refusal
    if case .staged(let staged) = state.body { staged.drop() }
    state.body = .memory([])
    state.pending = []
    state.scanner = nil
    state.header = HeaderCollector(limit: 0)
  }

  private static func refusal(for error: any Error) -> IntakeError {
    if let refusal = error as? IntakeError { return refusal }
    switch error {
    case StoreError.outcomeUnknown: return .unknown
    default: return .refused(Answer(for: error))
    }
  }
}
