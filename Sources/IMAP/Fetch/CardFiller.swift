internal import MailFlow
internal import Message
internal import Store
internal import Synchronization

/// Writes the cards of messages that a client has listed and that had none (`Store.Card`), when the answer is out and a few at
/// a time, so that delivery hardly notices.
final class CardFiller: Sendable {
  /// The fields that mail programs ask for when they list messages.
  static let fields = HeaderFieldFilter(
    [
      "Bcc", "Cc", "Content-Type", "Date", "Disposition-Notification-To", "From", "Importance", "In-Reply-To",
      "List-Id",
      "List-Post", "Message-ID", "Newsgroups", "Priority", "References", "Reply-To", "Sender", "Subject", "To",
      "X-Priority",
    ].map { Array($0.utf8) }, listed: true)

  /// Fewer messages than this are not worth it.
  private static let few = 50
  /// Cards in one transaction.
  private static let batch = 100
  /// Lists that wait; what comes then is left for the next time that somebody asks.
  private static let waitingLimit = 100

  private struct State {
    var waiting: [(MailboxID, UIDSet)] = []
    var isRunning = false
  }

  private let flow: MailFlow
  private let state = Mutex(State())
  private var store: Store { flow.store }

  init(_ flow: MailFlow) { self.flow = flow }

  /// Asks for cards, and returns at once.
  func want(_ uids: UIDSet, of mailbox: MailboxID) {
    guard uids.count >= Self.few, !store.isBelowReserve else { return }
    let starts = state.withLock { state in
      if state.waiting.count < Self.waitingLimit { state.waiting.append((mailbox, uids)) }
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if starts { Task { await run() } }
  }

  private func run() async {
    while let (mailbox, uids) = next() {
      // Nobody waits for cards: a full disk or the end of the store ends this list, and no more.
      try? await fill(uids, of: mailbox)
    }
  }

  /// Writes the cards that are missing.
  func fill(_ uids: UIDSet, of mailbox: MailboxID) async throws {
    for slice in uids.slices(of: Self.batch) {
      let cards = try await store.read { try self.cards(mailbox, slice, $0) }
      if !cards.isEmpty { try await store.write { try $0.insert(cards, of: mailbox) } }
    }
  }

  private func next() -> (MailboxID, UIDSet)? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isRunning = false
        return nil
      }
      return state.waiting.removeFirst()
    }
  }

  private func cards(_ mailbox: MailboxID, _ uids: UIDSet, _ reader: borrowing Reader) throws -> [Card] {
    let work = flow.watchReading()
    defer { work.end(.fetch) }
    var cards: [Card] = []
    try reader.fetch(mailbox, uids, [.envelope, .bodyStructure, .listedFields]) { row in
      if row.content != nil, !flow.isOpaque(row.entry.content) {
        work.begin(.fetch, content: row.entry.content.value)
        cards.append(
          Card(
            uid: row.entry.uid, facts: row.facts, envelope: row.columns.envelope,
            bodyStructure: row.columns.bodyStructure, fields: Self.fields.fields(of: row.prefix + row.columns.header)))
      }
      return true
    }
    return cards
  }
}
