public import Logging
internal import MailFlow
internal import Message
public import Store

/// Carries out what people wished their mail to count as, one message after the other, away from the path of mail.
///
///     training row ──▶ taken up (counted) ──▶ content read, tokens ──▶ one transaction: lesson, counts, row gone
///
/// A row that was taken up twice and is still there has ended the process twice: it is dropped.
public final class Trainer: Sendable {
  private static let mostAttempts = 2

  private let store: Store
  private let classifier: BayesClassifier
  private let log: Logger
  private let signals: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation

  public init(store: Store, classifier: BayesClassifier, observer: TrainingObserver, log: Logger) {
    self.store = store
    self.classifier = classifier
    self.log = log
    (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    // When the transaction that noted it is committed, and not before.
    store.onCommit { [signal] _ in
      if observer.takeNoted() { signal.yield() }
    }
  }

  /// Works until it is cancelled. What goes wrong with one message is logged.
  public func run() async {
    await classifier.warmUp()
    signal.yield()
    for await _ in signals {
      while !Task.isCancelled {
        do {
          guard try await step() else { break }
        } catch {
          log.warning("a message could not be learned: \(error)")
          break
        }
      }
    }
  }

  /// Carries out the oldest wish.
  /// - Returns: whether there was one.
  func step() async throws -> Bool {
    guard !store.isReadOnly, try await store.read({ try $0.hasTraining() }) else { return false }
    let begun = try await store.write { try $0.beginTraining() }
    guard let row = begun else { return false }
    if row.attempts >= Self.mostAttempts {
      log.error("a message was to be learned twice, and the process ended each time; it is not tried again")
      try await store.write { try $0.endTraining(row) }
      return true
    }
    let learned = row.wish == .unmarked ? nil : try await lesson(row)
    let changes = try await store.write { transaction -> [LessonChange] in
      try transaction.endTraining(row)
      if let learned { return try transaction.learn(learned) }
      guard row.wish == .unmarked else { return [] }
      return try transaction.forget(account: row.account, message: row.content.value, cause: .keyword)
    }
    classifier.follow(changes)
    return true
  }

  /// `nil` when the message is not there any more, or must not be parsed.
  private func lesson(_ row: TrainingRow) async throws -> Lesson? {
    let stored = try await store.read { reader -> (StoredContent, ContentColumns)? in
      guard let content = try reader.content(row.content),
        let columns = try reader.columns(of: row.content, [.header, .structure])
      else { return nil }
      return (content, columns)
    }
    guard let (content, columns) = stored,
      !ContentFacts(rawValue: content.facts).contains(.unparsed),
      let structure = MIMEStructure(encoded: columns.structure)
    else { return nil }
    let store = store
    let tokens = try await Tokenizer.tokens(of: HeaderSection(columns.header), structure) { offset, count in
      try await store.read { try $0.body(content.body, from: offset, count: count) }
    }
    return Lesson(
      account: row.account, message: row.content.value, isSpam: row.wish == .spam, cause: row.cause, tokens: tokens)
  }
}
