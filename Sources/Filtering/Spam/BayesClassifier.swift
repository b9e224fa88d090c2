public import MailFlow
public import Store
internal import Synchronization

/// The classifier over the store's lessons.
public final class BayesClassifier: Classifier {
  private let store: Store
  private let memory: CountMemory
  private let minimum: @Sendable () -> Int
  /// `nil` as long as nobody has looked.
  private let common = Mutex<LessonCount?>(nil)

  /// Lessons of each kind from which an account's own counts are used.
  private static let ownMinimum = 10
  static let parameters = Evidence.Parameters()

  /// - Parameter minimum: lessons of each kind without which it says nothing.
  public init(store: Store, minimum: @escaping @Sendable () -> Int) {
    self.store = store
    self.minimum = minimum
    memory = CountMemory(store)
  }

  /// Reads everybody's counts, so that the first message need not wait for them.
  public func warmUp() async {
    _ = await memory.prepare("")
    common.withLock { $0 = memory.lessons("") }
  }

  /// Whether there are so many lessons of each kind; `true` as long as nobody has looked.
  func hasLearned(_ count: Int) -> Bool {
    guard let lessons = memory.lessons("") ?? common.withLock({ $0 }) else { return true }
    return min(lessons.spam, lessons.ham) >= count
  }

  // MARK: Lessons

  public func learn(_ lesson: Lesson) async throws -> Bool {
    let changes = try await store.write { try $0.learn(lesson) }
    memory.apply(changes)
    return !changes.isEmpty
  }

  public func forget(account: String, message: Int64) async throws -> Bool {
    let changes = try await store.write { try $0.forget(account: account, message: message) }
    memory.apply(changes)
    return !changes.isEmpty
  }

  /// What a transaction that learned something gave back.
  func follow(_ changes: [LessonChange]) { memory.apply(changes) }

  public func scopes() async throws -> [LessonScope] { try await store.read { try $0.lessonScopes() } }

  // MARK: Classifying

  public func classify(_ tokens: [UInt64], account: String) async throws -> Classification {
    guard await memory.prepare(""), let lessons = memory.lessons("") else {
      throw ClassifierError(description: "what was learned could not be read from the store")
    }
    var said = Classification(
      probability: nil, score: 0, tokens: tokens.count, used: 0, spamLessons: lessons.spam, hamLessons: lessons.ham)
    guard min(lessons.spam, lessons.ham) >= max(minimum(), 1) else { return said }
    var own: String?
    if !account.isEmpty, await memory.prepare(account), let lessons = memory.lessons(account),
      min(lessons.spam, lessons.ham) >= Self.ownMinimum
    {
      own = account
    }
    guard let probabilities = memory.probabilities(tokens, account: own, Self.parameters) else {
      throw ClassifierError(description: "what was learned has just changed")
    }
    let evidence = Evidence(probabilities, Self.parameters)
    said.probability = evidence.indicator
    said.score = evidence.score
    said.used = evidence.used
    return said
  }
}

/// Why nothing could be said.
struct ClassifierError: Error, CustomStringConvertible {
  let description: String
}
