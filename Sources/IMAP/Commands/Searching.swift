internal import Store

/// SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5).
struct SearchCommand: SessionCommand {
  private let isUID: Bool
  private let isSaving: Bool
  private let request: Result<SearchRequest, SyntaxError>

  init(_ scanner: inout Scanner, isUID: Bool, _ state: SessionState) throws(SyntaxError) {
    self.isUID = isUID
    let returns = try scanner.searchReturnsIfAny()
    isSaving = returns?.contains(.save) ?? false
    do throws(SyntaxError) {
      request = .success(
        try scanner.searchRequest(
          isUID: isUID, returns: returns, allowsCharset: !state.enabled.contains(.utf8)))
    } catch {
      // What is answered by NO is the session's to answer, as it may empty the search result variable.
      guard case .refused = error else { throw error }
      request = .failure(error)
    }
  }

  func run(in session: Session) async throws -> Completion {
    do {
      return try await search(try request.get(), in: session)
    } catch let error as SessionEnd {
      throw error
    } catch {
      // RFC 5182 §2.1: a SEARCH with SAVE that is answered by NO empties the variable.
      if isSaving { session.view?.save(UIDSet()) }
      if let error = error as? SyntaxError { return Completion(error) }
      throw error
    }
  }

  private func search(_ request: SearchRequest, in session: Session) async throws -> Completion {
    let view = try session.requireView()
    if request.key.mentionsModSequence { session.enableCondstore() }
    let engine = SearchEngine(
      flow: session.services.flow, mailbox: view.id, program: SearchProgram(request.key, in: view),
      recentFrom: view.recentFrom)
    let matches = try await engine.run(UIDSet(view.uids)).filter { view.sequence(of: $0.uid) != nil }
    respond(request, matches, view, session)
    return .ok("That is all")
  }

  private func respond(
    _ request: SearchRequest, _ matches: [SearchEngine.Match], _ view: MailboxView, _ session: Session
  ) {
    let highest = { (matches: [SearchEngine.Match]) -> ModSeq? in
      request.key.mentionsModSequence ? matches.map(\.modSeq).max() : nil
    }
    let numbers = { (matches: [SearchEngine.Match]) -> [UInt32] in
      let uids = matches.map(\.uid)
      return isUID ? uids : view.sequences(of: UIDSet(uids))
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
    session.writer.raw(isUID ? ") UID" : ")")
    if returns.contains(.min), let first = numbers.first { session.writer.text(" MIN \(first)") }
    if returns.contains(.max), let last = numbers.last { session.writer.text(" MAX \(last)") }
    if returns.contains(.count) { session.writer.text(" COUNT \(numbers.count)") }
    if returns.contains(.all), !numbers.isEmpty { session.writer.text(" ALL \(UIDSet(numbers))") }
    if let highest { session.writer.text(" MODSEQ \(highest)") }
    session.writer.endLine()
  }
}
