internal import Logging
internal import MailFlow
internal import Message
internal import NIOCore
internal import Network
internal import Platform
internal import SMTP

/// DATA and BDAT: content from the connection through the decoder into the intake, a piece at a time.
extension Session {
  /// Octets taken from the connection at once.
  static let pieceSize = 64 * 1024
  /// More fields than this mean that a message goes round in circles (RFC 5321 §6.3).
  static let receivedLimit = 50

  // MARK: DATA

  mutating func data() async throws -> Bool {
    if let refusal = try openIntake() {
      trace(.content, refusal)
      forgetTransaction()
      return try await carryOut(machine.dataAnswered(refusal: refusal))
    }
    guard try await carryOut(machine.dataAnswered(refusal: nil)) else { return false }
    var decoder = ContentDecoder(framing: .dot, discipline: terms.discipline)
    var taken = 0
    while !decoder.isComplete {
      let piece = try await content(upTo: Session.pieceSize)
      let used = try await take(piece, with: &decoder)
      taken += used
      if used < piece.readableBytes {
        connection.putBack(piece.getSlice(at: piece.readerIndex + used, length: piece.readableBytes - used) ?? piece)
      }
      guard taken <= patience else { return try await tooMuch() }
    }
    return try await contentEnded(decoder)
  }

  // MARK: BDAT

  mutating func chunk(_ command: ChunkCommand) async throws -> Bool {
    var refusal = command.refusal
    if refusal == nil, command.isFirst { refusal = try openIntake() }
    guard refusal == nil, var decoder = chunkDecoder(command) else {
      guard try await skip(command.size) else { return try await tooMuch() }
      forgetTransaction()
      return try await carryOut(machine.chunkFinished(command, refusal: refusal ?? .noTransaction))
    }
    var left = command.size
    guard left <= patience else { return try await tooMuch() }
    while left > 0 {
      let piece = try await content(upTo: min(left, Session.pieceSize))
      left -= try await take(piece, with: &decoder)
    }
    if command.isLast {
      try await finish(&decoder)
      return try await contentEnded(decoder)
    }
    if let fault = decoder.fault { return try await refuseContent(Reply(fault), thenClose: true) }
    transaction?.decoder = decoder
    if let answer = transaction?.intake?.refusal.flatMap(Session.answer) {
      let reply = Reply(answer)
      trace(.content, reply, transaction?.envelope)
      forgetTransaction()
      return try await carryOut(machine.chunkFinished(command, refusal: reply))
    }
    return try await carryOut(machine.chunkFinished(command))
  }

  /// - Returns: why no content can be taken; `nil` when the intake is open.
  mutating func openIntake() throws -> Reply? {
    guard let transaction else { return .noTransaction }
    do throws(IntakeError) {
      let intake = try reception.flow.beginIntake(
        origin: terms.origin, peer: facts.peer, reversePath: transaction.envelope.reversePath,
        declaredSize: transaction.declaredSize)
      self.transaction?.intake = intake
      return nil
    } catch {
      guard let answer = Session.answer(error) else { throw SessionError.silent }
      return Reply(answer)
    }
  }

  private func chunkDecoder(_ command: ChunkCommand) -> ContentDecoder? {
    guard let transaction else { return nil }
    return command.isFirst
      ? ContentDecoder(framing: .counted, discipline: terms.discipline) : transaction.decoder
  }

  /// Reads octets that nobody wants (RFC 3030 §2).
  private mutating func skip(_ size: Int) async throws -> Bool {
    guard size <= patience else { return false }
    var left = size
    while left > 0 { left -= try await content(upTo: min(left, Session.pieceSize)).readableBytes }
    return true
  }

  // MARK: Pieces

  /// How much content is read although it is refused, in octets: enough for an honest client that is a little over
  /// the limit; whoever sends more is not worth the line.
  private var patience: Int { machine.settings.sizeLimit.addingReportingOverflow(1 << 26).partialValue }

  private mutating func content(upTo limit: Int) async throws -> ByteBuffer {
    guard let piece = try await connection.bytes(upTo: limit, within: reception.timeLimits.dataBlock) else {
      throw SessionError.contentBroken
    }
    try keepPace(piece.readableBytes)
    return piece
  }

  /// The time for content is in proportion to its size (RFC 5321 §4.5.3.2), so whoever lets it drip is given up.
  private mutating func keepPace(_ count: Int) throws {
    let began = transaction?.began ?? .now
    transaction?.began = began
    transaction?.taken += count
    let allowed = reception.timeLimits.dataBlock + .seconds((transaction?.taken ?? 0) / Session.slowest)
    guard ContinuousClock.now - began <= allowed else { throw ConnectionError.timedOut }
  }

  /// Octets of content in a second that even the slowest line carries.
  private static let slowest = 256

  /// - Returns: how many octets belonged to the content.
  private mutating func take(_ piece: ByteBuffer, with decoder: inout ContentDecoder) async throws -> Int {
    guard let intake = transaction?.intake, var buffer = transaction?.buffer else { throw SessionError.contentBroken }
    // The buffer must have one owner while it grows.
    transaction?.buffer = []
    buffer.removeAll(keepingCapacity: true)
    let used = piece.withUnsafeReadableBytes { decoder.decode($0, into: &buffer) }
    if buffer.withUnsafeBytes({ intake.take($0) }) { await intake.flush() }
    transaction?.buffer = buffer
    return used
  }

  private mutating func finish(_ decoder: inout ContentDecoder) async throws {
    guard let intake = transaction?.intake else { throw SessionError.contentBroken }
    var rest: [UInt8] = []
    decoder.finish(into: &rest)
    await intake.append(rest)
  }

  /// The client sends far more than it may: the rest is not waited for.
  private mutating func tooMuch() async throws -> Bool {
    try await refuseContent(Reply(552, "5.3.4", "Far more than the largest message that is accepted"), thenClose: true)
  }

  // MARK: The end of content

  private mutating func contentEnded(_ decoder: ContentDecoder) async throws -> Bool {
    let deadline = ContinuousClock.now + terms.replyDeadline
    if let fault = decoder.fault {
      return try await refuseContent(Reply(fault), thenClose: fault != .lineTooLong)
    }
    guard let envelope = transaction?.envelope, let intake = transaction?.intake else {
      throw SessionError.contentBroken
    }
    let content: ReceivedContent
    do throws(IntakeError) {
      content = try await intake.finish()
    } catch {
      guard let answer = Session.answer(error) else { throw SessionError.silent }
      return try await refuseContent(Reply(answer))
    }
    faultPoint(.afterContent)
    guard content.header.count(of: "Received") <= Session.receivedLimit else {
      return try await refuseContent(
        Reply(554, "5.4.6", "More than \(Session.receivedLimit) Received fields: the message is in a loop"), content)
    }
    // What must not be looked at is not shown to the policy either.
    guard content.isParsed else { return try await accept(envelope, content, nil, deadline) }
    content.work.begin(.submission)
    let decision = await reception.policy.content(envelope, content, facts)
    content.work.end(.submission)
    switch decision {
    case .refuse(let answer): return try await refuseContent(Reply(answer), content)
    case .accept(let header): return try await accept(envelope, content, header, deadline)
    }
  }

  private mutating func accept(
    _ envelope: Envelope, _ content: ReceivedContent, _ header: [UInt8]?, _ deadline: ContinuousClock.Instant
  ) async throws -> Bool {
    switch await reception.flow.accept(envelope, content, header: header, deadline: deadline) {
    case .accepted(let id, let answer):
      transaction = nil
      let action = machine.contentFinished(Reply(answer))
      do {
        faultPoint(.beforeReply)
        let goesOn = try await carryOut(action)
        faultPoint(.afterReply)
        replies.watch(id)
        return goesOn
      } catch {
        // The connection ended before the reply was written.
        replies.neverWritten(id)
        throw error
      }
    case .refused(let answer):
      // MailFlow has traced it, with the filters' reasons.
      forgetTransaction()
      if answer.isPermanent { await reception.policy.refusing(facts) }
      return try await carryOut(machine.contentFinished(Reply(answer)))
    case .unknown:
      throw SessionError.silent
    }
  }

  private mutating func refuseContent(
    _ reply: Reply, _ content: ReceivedContent? = nil, thenClose: Bool = false
  ) async throws -> Bool {
    trace(.content, reply, transaction?.envelope, content: content)
    forgetTransaction()
    return try await carryOut(machine.contentFinished(reply, thenClose: thenClose))
  }

  static func answer(_ error: IntakeError) -> Answer? {
    if case .refused(let answer) = error { answer } else { nil }
  }
}

extension Reply {
  static let noTransaction = Reply(503, "5.5.1", "Need MAIL command")

  /// RFC 5321 §2.3.8 forbids a CR or LF alone; a line over the limit is a limit of ours (§4.5.3.1.6).
  init(_ fault: ContentDecoder.Fault) {
    switch fault {
    case .bareCarriageReturn: self.init(550, "5.6.11", "The message has a CR without LF: lines end with CRLF")
    case .bareLineFeed: self.init(550, "5.6.11", "The message has an LF without CR: lines end with CRLF")
    case .lineTooLong: self.init(554, "5.6.0", "The message has a line of more than \(ProtocolLimits.textLine) octets")
    }
  }
}
