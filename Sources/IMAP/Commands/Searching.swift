internal import Store

/// SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5).
struct SearchCommand: SessionCommand {
  private let request: SearchRequest
  private let isSyntaxOfSave: Bool

  init(_ scanner: inout Scanner, isUID: Bool, _ state: SessionState) throws(SyntaxError) {
    request = try scanner.searchRequest(isUID: isUID, allowsCharset: !state.enabled.contains(.utf8))
    isSyntaxOfSave = request.returns?.contains(.save) ?? false
  }

  func run(in session: Session) async throws -> Completion {
    let view = try session.requireView()
    if request.key.mentionsModSequence { session.enableCondstore() }
    let engine = SearchEngine(
      store: session.services.store, mailbox: view.id, program: SearchProgram(request.key, in: view),
      recentFrom: view.recentFrom)
    let matches: [SearchEngine.Match]
    do {
      matches = try await engine.run(UIDSet(view.uids)).filter { view.sequence(of: $0.uid) != nil }
    } catch {
      // RFC 5182 §2.1: a SEARCH with SAVE that is answered by NO empties the variable.
      if isSyntaxOfSave { session.view?.save(UIDSet()) }
      throw error
    }
    respond(matches, view, session)
    return .ok("That is all")
  }

  private func respond(_ matches: [SearchEngine.Match], _ view: MailboxView, _ session: Session) {
    let numbers = { (matches: [SearchEngine.Match]) -> [UInt32] in
      let uids = matches.map(\.uid)
      return request.isUID ? uids : view.sequences(of: UIDSet(uids))
    }
    if let returns = request.returns {
      let reported = Self.reported(matches, returns)
      if returns.contains(.save) { session.view?.save(UIDSet(reported.lazy.map(\.uid))) }
      // RFC 5182 §2.1: SAVE alone keeps the result and says nothing.
      if returns != .save { writeESearch(numbers(matches), highest(reported), returns, session) }
    } else if session.state.enabled.contains(.rev2) {
      writeESearch(numbers(matches), highest(matches), .all, session)
    } else {
      writeSearch(numbers(matches), highest(matches), session)
    }
  }

  /// What `$` keeps (RFC 5182 §2.4) and whose mod-sequence is told (RFC 4731 §3.2): with MIN and MAX alone only those.
  private static func reported(
    _ matches: [SearchEngine.Match], _ returns: SearchRequest.Returns
  ) -> [SearchEngine.Match] {
    guard returns.isDisjoint(with: [.all, .count]), !returns.isDisjoint(with: [.min, .max]) else { return matches }
    var kept: [SearchEngine.Match] = []
    if returns.contains(.min), let first = matches.first { kept.append(first) }
    if returns.contains(.max), let last = matches.last { kept.append(last) }
    return kept
  }

  private func highest(_ matches: [SearchEngine.Match]) -> ModSeq? {
    request.key.mentionsModSequence ? matches.map(\.modSeq).max() : nil
  }

  /// RFC 3501 §7.2.5, with the mod-sequence of RFC 7162 §3.1.6.
  private func writeSearch(_ numbers: [UInt32], _ highest: ModSeq?, _ session: Session) {
    session.writer.raw("* SEARCH")
    for number in numbers {
      session.writer.raw(" ")
      session.writer.number(number)
    }
    if let highest { session.writer.text(" (MODSEQ \(highest))") }
    session.writer.endLine()
  }

  /// RFC 9051 §7.3.4
  private func writeESearch(
    _ numbers: [UInt32], _ highest: ModSeq?, _ returns: SearchRequest.Returns, _ session: Session
  ) {
    session.writer.raw("* ESEARCH (TAG ")
    session.writer.string(session.tag)
    session.writer.raw(request.isUID ? ") UID" : ")")
    if returns.contains(.min), let first = numbers.first { session.writer.text(" MIN \(first)") }
    if returns.contains(.max), let last = numbers.last { session.writer.text(" MAX \(last)") }
    if returns.contains(.count) { session.writer.text(" COUNT \(numbers.count)") }
    if returns.contains(.all), !numbers.isEmpty { session.writer.text(" ALL \(UIDSet(numbers))") }
    if let highest { session.writer.text(" MODSEQ \(highest)") }
    session.writer.endLine()
  }
}
