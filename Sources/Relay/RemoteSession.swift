internal import MailFlow
internal import Network
internal import Platform
internal import SMTP

/// One connection to a next hop, from the greeting to QUIT: carries out what the client machine wants.
///
///     open ──▶ ready ──carry──▶ ready … ──quit──▶ closed
///                        └─ lost, refused session, or content that must not leave ──▶ closed
///
/// Owned by one task. Nothing of a message is held but the piece that is being written.
struct RemoteSession {
  /// What ``carry(_:content:beforeEnd:)`` came to.
  enum Carried: Sendable {
    case finished(TransactionOutcome)
    /// The content holds something that must not leave (5.6.0). The connection was cut before the end of the
    /// content, so the server has nothing.
    case unfit(TransactionOutcome, ContentGuard.Finding)
  }

  typealias BeforeEnd = @Sendable (Set<Int>) async throws -> Void

  /// Bytes of the message that are in memory at a time.
  static let pieceSize = 128 * 1024
  /// Chunks that may be on their way unanswered where the server has PIPELINING.
  private static let chunkWindow = 4

  let connection: Connection
  let hop: String
  /// The session can take a transaction.
  private(set) var isOpen = false
  /// Transactions begun.
  private(set) var transactions = 0
  /// The server has answered something in the present, or last, transaction.
  private(set) var hasAnswered = false
  /// Where work on the present message is marked: on its bytes, and on the server's.
  var work = WorkSlot.unwatched
  /// The content is on its way, and nothing is being waited for.
  private var isSendingContent = false
  /// What the server announced.
  private(set) var extensions = Extensions()
  private var machine: ClientMachine

  /// Says hello on a fresh connection, with STARTTLS and AUTH as the machine's settings want it.
  ///
  /// - Parameters:
  ///   - tls: how to shake hands for STARTTLS.
  static func open(
    _ connection: Connection, hop: String, settings: ClientMachine.Settings, tls: ClientTLS
  ) async throws(HostFailure) -> RemoteSession {
    var session = RemoteSession(connection: connection, hop: hop, settings: settings)
    do throws(HostFailure) {
      try await session.open(tls)
    } catch {
      connection.abort()
      throw error
    }
    return session
  }

  private init(connection: Connection, hop: String, settings: ClientMachine.Settings) {
    self.connection = connection
    self.hop = hop
    machine = ClientMachine(settings: settings, isEncrypted: connection.tls != nil)
    connection.writeTimeLimit = settings.timeLimits.dataBlock
  }

  /// The words for the trace: `192.0.2.1:25, TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified`.
  var description: String {
    let security: String =
      switch connection.tls {
      case nil: "without TLS"
      case .some(let tls):
        switch tls.verification {
        case .verified: "\(tls.version) \(tls.cipher), certificate verified"
        case .associated(let usage):
          "\(tls.version) \(tls.cipher), verified by \(usage == TLSARecord.endEntity ? "DANE-EE" : "DANE-TA")"
        case .unverified, .none: "\(tls.version) \(tls.cipher), certificate not verified"
        }
      }
    return "\(hop), \(security)"
  }

  /// Recipients that the server takes in one transaction, as far as it says (LIMITS, RFC 9422).
  var mostRecipients: Int { max(extensions.recipientLimit ?? .max, 1) }
  /// The server has said how many transactions a session may have (LIMITS, RFC 9422), and it has had them.
  var isUsedUp: Bool { transactions >= max(extensions.transactionLimit ?? .max, 1) }

  // MARK: Opening

  private mutating func open(_ tls: ClientTLS) async throws(HostFailure) {
    var pending: [ClientMachine.Action] = []
    while true {
      while !pending.isEmpty {
        switch pending.removeFirst() {
        case .send(let bytes):
          do { try await connection.write(bytes) } catch { throw .broken(hop, "\(error)") }
        case .startTLS: pending += try await startTLS(tls)
        case .derive(let wish): pending += try derive(wish)
        case .ready(let offered):
          extensions = offered
          isOpen = true
          return
        case .failed(let failure): throw failed(failure)
        case .sendContent, .finished, .close: throw .broken(hop, "it ended the session at once")
        }
      }
      do {
        pending += machine.receive(try await nextLine()[...])
      } catch {
        throw .broken(hop, Self.words(error))
      }
    }
  }

  /// What the machine gave up with; where TLS is at fault the obstacle is named.
  private func failed(_ failure: ClientMachine.Failure) -> HostFailure {
    switch failure {
    case .unsuitable(let sentence) where !machine.isEncrypted && !machine.extensions.startTLS:
      guard machine.settings.tls == .required else { return HostFailure(failure, hop: hop) }
      return .insecure(hop, SecurityObstacle(.noStartTLS, sentence))
    case .unsuitable(let sentence) where machine.settings.demandsRequireTLS && !machine.extensions.requireTLS:
      return .insecure(hop, SecurityObstacle(.noRequireTLS, sentence))
    case .refused(let reply, "STARTTLS"):
      // 454: not now (RFC 3207 §4).
      let kind: SecurityObstacle.Kind = reply.isTransientFailure ? .handshake : .noStartTLS
      return .insecure(hop, SecurityObstacle(kind, "it answered STARTTLS with \(reply)"))
    default: return HostFailure(failure, hop: hop)
    }
  }

  private mutating func startTLS(_ tls: ClientTLS) async throws(HostFailure) -> [ClientMachine.Action] {
    let mayDoWithout = machine.settings.tls == .opportunistic
    let started: StartedTLS
    do {
      started = try await connection.startTLS(tls)
    } catch ConnectionError.untrusted(let fault, let reason) {
      throw .insecure(hop, SecurityObstacle(.certificate(fault), reason), mayTryWithoutTLS: mayDoWithout)
    } catch {
      throw .insecure(hop, SecurityObstacle(.handshake, "\(error)"), mayTryWithoutTLS: mayDoWithout)
    }
    // Whoever can put bytes behind the go-ahead sits on the line; what they wanted is known, so nothing is retried
    // in plain text.
    guard started.injected == 0 else {
      throw .insecure(
        hop,
        SecurityObstacle(.handshake, "\(started.injected) bytes had been put behind the go-ahead in plain text"))
    }
    return machine.tlsEstablished()
  }

  /// PBKDF2, bounded by the machine's limit on iterations; runs on this task, never on an event loop.
  private mutating func derive(_ wish: KeyDerivation) throws(HostFailure) -> [ClientMachine.Action] {
    do {
      return machine.keyDerived(
        try pbkdf2SHA256(password: wish.password, salt: wish.salt, iterations: wish.iterations))
    } catch {
      throw .unauthenticated(hop, "\(error)")
    }
  }

  // MARK: Carrying

  /// Offers one message and gives one result for each recipient. Never throws: a broken connection is a result.
  ///
  /// - Parameters:
  ///   - content: the message as it goes out, without dots doubled.
  ///   - beforeEnd: called when everything but the end of the content is sent, with the places of the recipients that
  ///     the server has accepted. If it throws, the end is not sent.
  mutating func carry(
    _ transaction: ClientTransaction, content: OutgoingContent, beforeEnd: BeforeEnd
  ) async -> Carried {
    transactions += 1
    hasAnswered = false
    isSendingContent = false
    var outcome: TransactionOutcome?
    do {
      var pending = work.during(.relay) { machine.begin(transaction) }
      while true {
        while !pending.isEmpty {
          switch pending.removeFirst() {
          case .send(let bytes): try await connection.write(bytes)
          case .sendContent(.dot): pending += try await sendData(content, beforeEnd)
          case .sendContent(.chunks): pending += try await sendChunks(content, beforeEnd)
          case .finished(let result): outcome = result
          case .ready:
            return .finished(outcome ?? Self.nothing(transaction, "the session ended too early"))
          case .failed, .close, .startTLS, .derive:
            end()
            return .finished(outcome ?? Self.nothing(transaction, "the server ended the session"))
          }
        }
        let line = try await nextLine()
        pending += work.during(.relay) { machine.receive(line[...]) }
        hasAnswered = true
      }
    } catch {
      if let refused = await earlyRefusal(error) { outcome = refused }
      // Before the end of the content nothing was accepted; the machine knows which side of it we are on.
      end()
      let result = outcome ?? machine.connectionLost(Self.words(error)) ?? Self.nothing(transaction, Self.words(error))
      if let unfit = error as? Unfit { return .unfit(result, unfit.finding) }
      return .finished(result)
    }
  }

  /// Says goodbye and closes.
  mutating func quit() async {
    if isOpen {
      isOpen = false
      for case .send(let bytes) in machine.quit() { try? await connection.write(bytes) }
      _ = try? await nextLine()
    }
    await connection.close(within: .seconds(1), lingering: .milliseconds(100))
  }

  /// A server that does not want the content to its end may say why and hang up. Its words are worth more than the broken
  /// connection, if they have arrived; but only a refusal can be believed so early.
  private mutating func earlyRefusal(_ error: any Error) async -> TransactionOutcome? {
    guard error is ConnectionError, isSendingContent,
      let line = try? await connection.line(limit: ReplyParser.lineLimit, within: .seconds(1)), line.ending != .tooLong,
      let first = line.bytes.first, first == UInt8(ascii: "4") || first == UInt8(ascii: "5"), line.bytes.count >= 3
    else { return nil }
    _ = machine.contentSent()
    for case .finished(let outcome) in machine.receive(line.bytes[...]) { return outcome }
    return nil
  }

  private mutating func end() {
    isOpen = false
    connection.abort()
  }

  private struct Unfit: Error { let finding: ContentGuard.Finding }

  private mutating func sendData(
    _ content: OutgoingContent, _ beforeEnd: BeforeEnd
  ) async throws -> [ClientMachine.Action] {
    isSendingContent = true
    var inspector = ContentGuard()
    var encoder = DotEncoder()
    var offset = 0
    while let piece = try await Self.piece(of: content, at: &offset) {
      let output = try work.during(.relay) {
        try Self.inspect(piece, &inspector)
        var output: [UInt8] = []
        output.reserveCapacity(piece.count + piece.count / 64 + 16)
        piece.withUnsafeBytes { encoder.encode($0, into: &output) }
        return output
      }
      try await connection.write(output)
    }
    try Self.inspectEnd(&inspector)
    // A message that breaks off on the way has then not been recorded as one that may have arrived. What fits into the
    // sockets' buffers goes at once, whoever waits for it.
    if content.size > Self.pieceSize { try await connection.drain() } else { connection.flush() }
    try await beforeEnd(machine.acceptedRecipients)
    var ending: [UInt8] = []
    encoder.finish(into: &ending)
    isSendingContent = false
    let actions = machine.contentSent()
    try await connection.write(ending)
    faultPoint(.afterRemoteDot)
    return actions
  }

  private mutating func sendChunks(
    _ content: OutgoingContent, _ beforeEnd: BeforeEnd
  ) async throws -> [ClientMachine.Action] {
    var inspector = ContentGuard()
    let window = extensions.pipelining ? Self.chunkWindow : 1
    var offset = 0
    while let piece = try await Self.piece(of: content, at: &offset) {
      try work.during(.relay) { try Self.inspect(piece, &inspector) }
      try await awaitReplies(upTo: window - 1)
      if machine.isContentRefused { break }
      try await connection.write(machine.chunk(of: piece.count))
      try await connection.write(piece)
    }
    if !machine.isContentRefused {
      try Self.inspectEnd(&inspector)
      if !inspector.endsInLine {
        try await connection.write(machine.chunk(of: 2))
        try await connection.write([0x0d, 0x0a] as [UInt8])
      }
    }
    try await awaitReplies(upTo: 0)
    if machine.isContentRefused { return machine.contentStopped() }
    try await beforeEnd(machine.acceptedRecipients)
    let actions = machine.contentSent()
    try await connection.write(ClientMachine.lastChunk)
    faultPoint(.afterRemoteDot)
    return actions
  }

  /// Reads replies until no more than `most` commands are unanswered.
  private mutating func awaitReplies(upTo most: Int) async throws {
    while machine.unanswered > most {
      let line = try await nextLine()
      for case .failed(let failure) in work.during(.relay, { machine.receive(line[...]) }) {
        throw SessionEnded(reason: "\(failure)")
      }
      hasAnswered = true
    }
  }

  private struct SessionEnded: Error { let reason: String }

  private static func piece(of content: OutgoingContent, at offset: inout Int) async throws -> [UInt8]? {
    guard offset < content.size else { return nil }
    let piece = try await content.read(offset, pieceSize)
    guard !piece.isEmpty else { throw SessionEnded(reason: "the message ended before its time") }
    offset += piece.count
    return piece
  }

  private static func inspect(_ piece: [UInt8], _ inspector: inout ContentGuard) throws {
    plantedTrap(.relay, in: piece)
    piece.withUnsafeBytes { _ = inspector.scan($0) }
    if let finding = inspector.finding { throw Unfit(finding: finding) }
  }

  private static func inspectEnd(_ inspector: inout ContentGuard) throws {
    _ = inspector.finish()
    if let finding = inspector.finding { throw Unfit(finding: finding) }
  }

  private static func nothing(_ transaction: ClientTransaction, _ reason: String) -> TransactionOutcome {
    TransactionOutcome(results: transaction.recipients.map { _ in .lost(reason) }, serverHasDSN: false)
  }

  // MARK: Reading

  /// When the reply that is being read must be complete: all its lines together have the time of one reply, or a server
  /// could drip them for hours.
  private var replyDeadline: ContinuousClock.Instant?

  private mutating func nextLine() async throws -> [UInt8] {
    let limit = machine.timeLimit
    let deadline = replyDeadline ?? .now + limit
    let left = ContinuousClock.now.duration(to: deadline)
    guard left > .zero else { throw NoReply(limit: limit) }
    let line: Line?
    do {
      line = try await connection.line(limit: ReplyParser.lineLimit, within: left)
    } catch ConnectionError.timedOut {
      throw NoReply(limit: limit)
    }
    guard let line else { throw SessionEnded(reason: "the server closed it") }
    // The fourth character tells whether more lines follow (RFC 5321 §4.2.1).
    let continues = line.bytes.count > 3 && line.bytes[3] == UInt8(ascii: "-")
    replyDeadline = continues ? deadline : nil
    guard line.ending != .tooLong else {
      throw SessionEnded(reason: "the server sent a reply line of more than \(ReplyParser.lineLimit) octets")
    }
    return line.bytes
  }

  private struct NoReply: Error { let limit: Duration }

  private static func words(_ error: any Error) -> String {
    switch error {
    case let ended as SessionEnded: ended.reason
    case let silent as NoReply: "there was no reply within \(silent.limit.components.seconds) s"
    case let unfit as Unfit: unfit.finding.sentence
    case is CancellationError: "the appliance is stopping"
    default: "\(error)"
    }
  }
}
