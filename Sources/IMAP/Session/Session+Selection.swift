internal import MailFlow
internal import Message
internal import Store

extension Session {
  // MARK: Names

  /// The mailbox name in an argument; a name that cannot be one is answered as one that is not there.
  func name(_ octets: [UInt8], ifMissing code: String = "NONEXISTENT") throws -> MailboxName {
    guard let name = MailboxName(octets, encoding: state.dialect) else {
      throw Refusal(.no("This is no name of a mailbox", code: code))
    }
    return name
  }

  /// The mailbox of that name.
  /// - Parameter code: the response code if there is none.
  func mailbox(_ name: MailboxName, ifMissing code: String = "NONEXISTENT") async throws -> Mailbox {
    let (account, text) = (account, name.text)
    guard let mailbox = try await services.store.read({ try $0.mailbox(account: account, name: text) }) else {
      throw Refusal(.no("There is no mailbox of that name", code: code))
    }
    return mailbox
  }

  // MARK: Selecting

  /// Ends listening to a mailbox. What is told of it late is told to nobody.
  func listenAnew() {
    signal.cancel()
    signal = ChangeSignal { [weak stream] in stream?.wake() }
  }

  /// Lets the selected mailbox go.
  func deselect() async {
    guard let old = view else { return }
    view = nil
    listenAnew()
    hold?.release()
    hold = nil
    if state.phase == .selected { state.phase = .authenticated }
    guard owesRecent else { return }
    owesRecent = false
    let account = account
    // Who selects next must not take these messages for recent (RFC 3501 §2.3.2). If it fails they are recent once more.
    _ = try? await services.flow.mailboxes.takeRecent(account: account, mailbox: old.id)
  }

  /// The messages that a command means, as UIDs.
  func uids(_ set: SequenceSet, isUID: Bool) throws -> UIDSet {
    guard let view else { throw Refusal(.bad("No mailbox is selected")) }
    if isUID { return view.uids(ofUIDs: set) }
    guard let uids = view.uids(ofSequence: set) else {
      throw Refusal(.bad("There is no message with such a number"))
    }
    return uids
  }

  func requireView() throws -> MailboxView {
    guard let view else { throw Refusal(.bad("No mailbox is selected")) }
    return view
  }

  func requireWritable() throws -> MailboxView {
    let view = try requireView()
    guard !view.isReadOnly else { throw Refusal(.no("The mailbox is selected read-only", code: "READ-ONLY")) }
    return view
  }

  // MARK: Updates

  /// Moves the view forward to what the store has now, if anything changed.
  func catchUp() async throws {
    // Not a copy of the view: it would have to be copied in earnest when the original changes.
    guard let (id, since, known, validity) = view.map({ ($0.id, $0.modSeq, $0.uidNext, $0.uidValidity) }),
      signal.hasNews(beyond: since)
    else { return }
    guard let changes = try await services.store.read({ try $0.changes(id, since: since, known: known) }) else {
      throw SessionEnd.bye("The selected mailbox was deleted", code: "NONEXISTENT")
    }
    guard changes.mailbox.uidValidity == validity else {
      throw SessionEnd.bye("The selected mailbox was replaced")
    }
    view?.takeIn(changes)
  }

  /// Tells the client what has changed, as far as it may hear it now.
  func reportUpdates(expunging: Bool) async throws {
    try await catchUp()
    guard let updates = view?.updates(expunging: expunging), !updates.isEmpty else { return }
    var expunged = false
    for update in updates {
      switch update {
      case .flagsList: writeFlagsList()
      case .expunge(let sequence):
        expunged = true
        writer.messageData(sequence, "EXPUNGE")
      case .exists(let count): writer.messageData(count, "EXISTS")
      case .recent(let count):
        owesRecent = owesRecent || !(view?.isReadOnly ?? true)
        if !state.enabled.contains(.rev2) { writer.messageData(count, "RECENT") }
      case .flags(let sequence, let entry): writeFlags(sequence, entry)
      }
      try await sendIfMuch()
    }
    if expunged { hold?.advance() }
  }

  /// `* n FETCH (UID … FLAGS (…))`: the UID is part of every unsolicited FETCH (RFC 9051 §7.5.2), the mod-sequence if
  /// the client knows CONDSTORE (RFC 7162 §3.1).
  func writeFlags(_ sequence: Int, _ entry: EntryFlags) {
    writer.raw("* ")
    writer.number(sequence)
    writer.raw(" FETCH (UID ")
    writer.number(entry.uid)
    if state.enabled.contains(.condstore) {
      writer.raw(" MODSEQ (")
      writer.number(entry.modSeq)
      writer.raw(")")
    }
    writer.raw(" ")
    writeFlagsItem(entry.flags, uid: entry.uid)
    writer.raw(")")
    writer.endLine()
  }

  /// `FLAGS (…)`
  func writeFlagsItem(_ flags: Flags, uid: UID) {
    guard let view else { return }
    writer.raw("FLAGS ")
    writer.flags(flags, of: uid, in: view, state.enabled)
  }

  /// `* FLAGS (…)`
  func writeFlagsList() {
    guard let view else { return }
    writer.raw("* FLAGS (")
    writer.text((FlagNames.system(.system) + view.keywords.words).joined(separator: " "))
    writer.raw(")")
    writer.endLine()
  }

  /// Notes a CONDSTORE enabling command. The first one with a mailbox selected is answered by its highest mod-sequence
  /// (RFC 7162 §3.1).
  func enableCondstore() {
    guard !state.enabled.contains(.condstore) else { return }
    state.enabled.insert(.condstore)
    guard let view else { return }
    writer.untagged(.ok("Highest", code: "HIGHESTMODSEQ \(max(view.modSeq, 1))"))
  }
}

/// The names of the system flags.
enum FlagNames {
  static let table: [(Flags, FlagList.System)] = [
    (.answered, .answered), (.flagged, .flagged), (.deleted, .deleted), (.seen, .seen), (.draft, .draft),
  ]

  static func system(_ flags: Flags) -> [String] {
    table.compactMap { flags.contains($0.0) ? $0.1.rawValue : nil }
  }

  static func flags(_ list: Set<FlagList.System>) -> Flags {
    table.reduce(into: Flags()) { if list.contains($1.1) { $0.insert($1.0) } }
  }
}

extension ResponseWriter {
  /// `(\Seen $Forwarded)`: the flags of a message, with `\Recent` where a client of IMAP4rev1 has to hear of it.
  mutating func flags(_ flags: Flags, of uid: UID, in view: MailboxView, _ enabled: SessionState.Enabled) {
    var isFirst = true
    func word(_ word: String, _ writer: inout ResponseWriter) {
      if !isFirst { writer.raw(" ") }
      isFirst = false
      writer.text(word)
    }
    raw("(")
    for (flag, name) in FlagNames.table where flags.contains(flag) { word(name.rawValue, &self) }
    if !flags.isDisjoint(with: .keywords) { for name in view.keywords.words(in: flags) { word(name, &self) } }
    if !enabled.contains(.rev2), view.isRecent(uid) { word("\\Recent", &self) }
    raw(")")
  }
}
