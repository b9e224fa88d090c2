internal import MailFlow
internal import Message
internal import Store

#if canImport(Glibc)
  import Glibc
#endif

/// APPEND (RFC 9051 §6.3.12): the message goes from the connection into the store in pieces.
extension Session {
  func append(_ request: AppendRequest) async throws -> Completion {
    let literal = request.literal
    let destination: Mailbox
    let intake: Intake
    do {
      (destination, intake) = try await prepareAppend(request)
    } catch {
      // The literal of a refused command comes all the same, unless the client waits to be asked for it.
      if !literal.isSynchronising { try await discard(literal) }
      throw error
    }
    if literal.isSynchronising { try await sendContinuation("Ready for the message") }
    let hasNUL = try await receive(literal.size, into: intake)
    try await expectEnd(of: request, intake)
    return try await file(request, intake, in: destination, hasNUL: hasNUL)
  }

  /// All that can be refused before the message comes.
  private func prepareAppend(_ request: AppendRequest) async throws -> (Mailbox, Intake) {
    let limit = services.appendLimit
    guard request.literal.size <= limit else {
      throw Refusal(.no("The message is larger than the \(limit) octets that are accepted here", code: "TOOBIG"))
    }
    if request.isUTF8, !state.enabled.contains(.utf8) {
      // RFC 6855 §4: NO and not BAD.
      throw Refusal(.no("ENABLE UTF8=ACCEPT comes before APPEND with UTF8", code: "CANNOT"))
    }
    let destination = try await mailbox(try name(request.mailbox, ifMissing: "CANNOT"), ifMissing: "TRYCREATE")
    let size = request.literal.size
    try await services.flow.mailboxes.admit(size, to: account)
    do throws(IntakeError) {
      let intake = try services.flow.beginIntake(
        origin: .append, peer: stream.peerAddress, account: account, declaredSize: size)
      return (destination, intake)
    } catch {
      throw try refusal(error)
    }
  }

  /// - Returns: whether the message has a NUL.
  private func receive(_ size: Int, into intake: Intake) async throws -> Bool {
    var rest = size
    var hasNUL = false
    while rest > 0 {
      var mustFlush = false
      let count = try await stream.content(upTo: min(rest, 65_536), within: services.limits.literalPause) { octets in
        if let start = octets.baseAddress { hasNUL = hasNUL || memchr(start, 0, octets.count) != nil }
        mustFlush = intake.take(octets)
      }
      guard count > 0 else {
        intake.abandon()
        throw SessionEnd.silent
      }
      rest -= count
      if mustFlush { await intake.flush() }
    }
    return hasNUL
  }

  /// What must follow the message: the end of the line, and before it the `)` of UTF8.
  private func expectEnd(of request: AppendRequest, _ intake: Intake) async throws {
    let line = try await nextLine(limit: services.limits.line, within: services.limits.literalPause)
    guard line != (request.isUTF8 ? [UInt8(ascii: ")")] : []) else { return }
    intake.abandon()
    try await discard(CommandReader.skips(line))
    throw Refusal(.bad("There is more after the message"))
  }

  private func file(
    _ request: AppendRequest, _ intake: Intake, in destination: Mailbox, hasNUL: Bool
  ) async throws -> Completion {
    let content: ReceivedContent
    do throws(IntakeError) {
      content = try await intake.finish()
    } catch {
      throw try refusal(error)
    }
    if hasNUL, request.literal.isBinary {
      // RFC 3516 §4.4: mailboxes here do not store binary content.
      return .no("A message with NUL cannot be stored: encode it", code: "UNKNOWN-CTE")
    }
    if content.header.has8Bit, state.dialect == .modifiedUTF7 {
      // RFC 6855 §4
      return .no("A header with characters beyond ASCII needs ENABLE UTF8=ACCEPT first", code: "CANNOT")
    }
    let date = request.internalDate
    let filed = try await services.flow.mailboxes.append(
      account: account, mailbox: destination.id, content: content, flags: FlagNames.flags(request.flags.system),
      keywords: request.flags.keywords, internalDate: date?.moment, dateOffset: date?.offsetMinutes ?? 0)
    if view?.id == filed.mailbox, request.flags.keywords.isEmpty {
      let entry = EntryFlags(uid: filed.uid, flags: FlagNames.flags(request.flags.system), modSeq: filed.modSeq)
      view?.takeInOwn(filed.modSeq, changed: [entry], uidNext: filed.uid + 1)
    }
    return .ok("Appended", code: "APPENDUID \(filed.uidValidity) \(filed.uid)")
  }

  private func refusal(_ error: IntakeError) throws -> Refusal {
    switch error {
    case .unknown: throw SessionEnd.silent
    case .refused(let answer):
      let code = answer.code == 552 ? "TOOBIG" : "UNAVAILABLE"
      return Refusal(.no(answer.text, code: code))
    }
  }
}
