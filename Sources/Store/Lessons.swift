/// What the classifier has learned, and what waits to be learned.
///
/// A **lesson** is one message that somebody called spam or ham, kept as its tokens, so that it can be taken back exactly,
/// long after the message is gone. The counts of a **scope** are the sum of its lessons, nothing else: the scope of an
/// account has that account's lessons, the empty name is everybody, and has them all. A **training row** is a wish that
/// was noted in the transaction of a move or a change of flags; it holds the message until somebody carries it out.
public struct Lesson: Hashable, Sendable {
  /// What a lesson was learned from. A later wish of a weaker kind does not take it back.
  public enum Cause: Int, Sendable {
    case move = 0
    case keyword = 1
    case command = 2
  }

  /// Whose it is; empty for everybody's.
  public var account: String
  /// What was learned: a content's id, or for what never was in the store a negative number made of its hash.
  public var message: Int64
  public var isSpam: Bool
  public var cause: Cause
  /// 48-bit tokens, each once.
  public var tokens: [UInt64]

  public init(account: String, message: Int64, isSpam: Bool, cause: Cause, tokens: [UInt64]) {
    self.account = account
    self.message = message
    self.isSpam = isSpam
    self.cause = cause
    self.tokens = tokens
  }

  /// Distinct tokens that everybody's scope may have; beyond that its oldest lessons are taken back.
  public static let commonLimit = 1_500_000
  /// The same for one account's.
  public static let ownLimit = 300_000
}

/// How a scope stands after a number of changes.
public struct LessonScope: Hashable, Sendable {
  public var account: String
  /// Lessons of each kind.
  public var spam: Int
  public var ham: Int
  /// Distinct tokens.
  public var tokens: Int
  /// Counts every change of the scope: who holds its counts in memory sees whether one was missed.
  public var change: Int64
}

/// A token's counts in a scope.
public struct StoredTokenCount: Hashable, Sendable {
  public let token: UInt64
  public let spam: UInt32
  public let ham: UInt32
}

/// One lesson more or less in one scope.
public struct LessonChange: Hashable, Sendable {
  public let account: String
  public let tokens: [UInt64]
  public let isSpam: Bool
  /// 1: learned. -1: taken back.
  public let times: Int
  /// The scope's ``LessonScope/change`` after it.
  public let change: Int64
}

/// A wish that waits.
public struct TrainingRow: Hashable, Sendable {
  public enum Wish: Int, Sendable {
    case ham = 0
    case spam = 1
    /// The keyword that said so is gone: take the lesson back that came of it.
    case unmarked = 2
  }

  public let id: Int64
  public let account: String
  public let content: ContentID
  public let wish: Wish
  public let cause: Lesson.Cause
  /// How often somebody has begun with it: more than twice means that the process ends over it.
  public let attempts: Int
}

extension Transaction {
  // MARK: Wishes

  /// Notes a wish about a message of a mailbox; the content stays until ``endTraining(_:)``.
  public mutating func requestTraining(
    account: String, content: ContentID, wish: TrainingRow.Wish, cause: Lesson.Cause
  ) throws {
    try database.run(
      "INSERT INTO training VALUES(?, ?, ?, ?, ?, 0)", .int(try core.newID()), .text(account), .id(content),
      .int(wish.rawValue), .int(cause.rawValue))
    core.retain(content: content, prefix: nil)
  }

  /// Whether a keyword has made a message of this account a lesson, or is about to.
  public func isMarked(account: String, content: ContentID) throws -> Bool {
    try database.number(
      """
      SELECT EXISTS(SELECT 1 FROM lesson WHERE account = ?1 AND message = ?2 AND cause = 1)
        OR EXISTS(SELECT 1 FROM training WHERE account = ?1 AND content = ?2 AND cause = 1)
      """, .text(account), .id(content)) == 1
  }

  /// Nobody's any more, so that another account of the same name does not find them; they go as the oldest lessons do.
  mutating func orphanLessons(of account: String) throws {
    let nobody = "(purged \(try core.newID()))"
    for table in ["lesson_scope", "lesson", "training"] {
      _ = try database.dynamic(
        "UPDATE \(table) SET account = ? WHERE account = ?", [.text(nobody), .text(account)]
      ) { _ in }
    }
  }

  /// Whether a keyword has made anything of this account's a lesson, or is about to.
  public func hasMarks(account: String) throws -> Bool {
    try database.number(
      """
      SELECT EXISTS(SELECT 1 FROM lesson WHERE account = ?1 AND cause = 1)
        OR EXISTS(SELECT 1 FROM training WHERE account = ?1 AND cause = 1)
      """, .text(account)) == 1
  }

  /// Takes up the oldest wish, and counts that.
  public mutating func beginTraining() throws -> TrainingRow? {
    let row = try database.first(
      "SELECT id, account, content, wish, cause, attempts FROM training ORDER BY id LIMIT 1"
    ) {
      TrainingRow(
        id: $0.int64(0), account: $0.text(1), content: $0.id(2),
        wish: TrainingRow.Wish(rawValue: $0.int(3)) ?? .unmarked,
        cause: Lesson.Cause(rawValue: $0.int(4)) ?? .move, attempts: $0.int(5))
    }
    if let row { try database.run("UPDATE training SET attempts = attempts + 1 WHERE id = ?", .int(row.id)) }
    return row
  }

  /// The wish has been carried out, or cannot be: it goes, and lets go of its content.
  public mutating func endTraining(_ row: TrainingRow) throws {
    try database.run("DELETE FROM training WHERE id = ?", .int(row.id))
    guard database.changes == 1 else { return }
    try core.letGo(content: row.content, prefix: nil)
  }

  // MARK: Lessons

  /// Learns a lesson. What the same message taught before is taken back first; the same lesson again changes nothing.
  /// - Returns: what it did to each scope, in order.
  public mutating func learn(_ lesson: Lesson) throws -> [LessonChange] {
    try learn(lesson, commonLimit: Lesson.commonLimit, ownLimit: Lesson.ownLimit)
  }

  mutating func learn(_ lesson: Lesson, commonLimit: Int, ownLimit: Int) throws -> [LessonChange] {
    var changes: [LessonChange] = []
    if let known = try storedLesson(lesson.account, lesson.message) {
      if known.isSpam == lesson.isSpam { return [] }
      changes = try forget(known)
    }
    try database.run(
      "INSERT INTO lesson(id, account, message, spam, cause, tokens) VALUES(?, ?, ?, ?, ?, ?)", .int(try core.newID()),
      .text(lesson.account), .int(lesson.message), .int(lesson.isSpam ? 1 : 0), .int(lesson.cause.rawValue),
      .blob(Lesson.octets(of: lesson.tokens)))
    changes += try count(lesson, 1)
    changes += try shrink("", to: commonLimit)
    if !lesson.account.isEmpty { changes += try shrink(lesson.account, to: ownLimit) }
    return changes
  }

  /// Takes a lesson back.
  /// - Parameter cause: only if it came of this; `nil`: whatever it came of.
  public mutating func forget(
    account: String, message: Int64, cause: Lesson.Cause? = nil
  ) throws -> [LessonChange] {
    guard let known = try storedLesson(account, message), cause == nil || known.cause == cause else { return [] }
    return try forget(known)
  }

  private mutating func forget(_ lesson: Lesson) throws -> [LessonChange] {
    try database.run(
      "DELETE FROM lesson WHERE account = ? AND message = ?", .text(lesson.account), .int(lesson.message))
    return try count(lesson, -1)
  }

  private func storedLesson(_ account: String, _ message: Int64) throws -> Lesson? {
    try database.first(
      "SELECT account, message, spam, cause, tokens FROM lesson WHERE account = ? AND message = ?", .text(account),
      .int(message), row: Self.lesson)
  }

  private static func lesson(_ row: Row) -> Lesson {
    Lesson(
      account: row.text(0), message: row.int64(1), isSpam: row.int(2) == 1,
      cause: Lesson.Cause(rawValue: row.int(3)) ?? .command, tokens: row.withBlob(4) { Lesson.tokens(in: $0) })
  }

  /// Takes the oldest lessons back where a scope has grown beyond its limit: a few at a time, the rest with the next lesson.
  private mutating func shrink(_ scope: String, to limit: Int) throws -> [LessonChange] {
    var changes: [LessonChange] = []
    for _ in 0..<4 {
      guard let row = try rows.lessonScope(scope), row.tokens > limit, let oldest = try oldestLesson(scope) else {
        break
      }
      changes += try forget(oldest)
    }
    return changes
  }

  private func oldestLesson(_ scope: String) throws -> Lesson? {
    if scope.isEmpty {
      return try database.first(
        "SELECT account, message, spam, cause, tokens FROM lesson ORDER BY id LIMIT 1", row: Self.lesson)
    }
    return try database.first(
      "SELECT account, message, spam, cause, tokens FROM lesson WHERE account = ? ORDER BY id LIMIT 1", .text(scope),
      row: Self.lesson)
  }

  // MARK: Counts

  /// Adds a lesson to the scopes it belongs to, or takes it out of them.
  private mutating func count(_ lesson: Lesson, _ times: Int) throws -> [LessonChange] {
    var changes: [LessonChange] = []
    for account in lesson.account.isEmpty ? [""] : ["", lesson.account] {
      let scope = try scopeNumber(account)
      let (spam, ham) = lesson.isSpam ? (times, 0) : (0, times)
      let fresh = try count(lesson.tokens, in: scope, spam: spam, ham: ham)
      try database.run(
        "UPDATE lesson_scope SET spam = spam + ?, ham = ham + ?, tokens = tokens + ?, change = change + 1 WHERE id = ?",
        .int(spam), .int(ham), .int(fresh), .int(scope))
      changes.append(
        LessonChange(
          account: account, tokens: lesson.tokens, isSpam: lesson.isSpam, times: times,
          change: try rows.lessonScope(account)?.change ?? 0))
    }
    return changes
  }

  /// - Returns: by how many tokens the scope has grown.
  private mutating func count(_ tokens: [UInt64], in scope: Int64, spam: Int, ham: Int) throws -> Int {
    var fresh = 0
    for token in tokens.sorted() {
      let key = Int64(bitPattern: token)
      try database.run(
        "UPDATE token SET spam = spam + ?, ham = ham + ? WHERE scope = ? AND token = ?", .int(spam), .int(ham),
        .int(scope), .int(key))
      if database.changes == 0 {
        try database.run("INSERT INTO token VALUES(?, ?, ?, ?)", .int(scope), .int(key), .int(spam), .int(ham))
        fresh += 1
      } else if spam + ham < 0 {
        try database.run(
          "DELETE FROM token WHERE scope = ? AND token = ? AND spam = 0 AND ham = 0", .int(scope), .int(key))
        fresh -= database.changes
      }
    }
    return fresh
  }

  private mutating func scopeNumber(_ account: String) throws -> Int64 {
    let known = try database.first("SELECT id FROM lesson_scope WHERE account = ?", .text(account)) { $0.int64(0) }
    if let known { return known }
    let made = try core.newID()
    try database.run("INSERT INTO lesson_scope VALUES(?, ?, 0, 0, 0, 0)", .int(made), .text(account))
    return made
  }
}

extension Reader {
  /// A scope; `nil` where nothing was ever learned in it.
  public func lessonScope(_ account: String) throws -> LessonScope? {
    try database.first(
      "SELECT account, spam, ham, tokens, change FROM lesson_scope WHERE account = ?", .text(account), row: Self.scope)
  }

  public func lessonScopes() throws -> [LessonScope] {
    try database.all("SELECT account, spam, ham, tokens, change FROM lesson_scope ORDER BY account", row: Self.scope)
  }

  private static func scope(_ row: Row) -> LessonScope {
    LessonScope(
      account: row.text(0), spam: row.int(1), ham: row.int(2), tokens: row.int(3), change: row.int64(4))
  }

  /// Counts of a scope in the order of their tokens, at most so many, behind one of them.
  public func tokenCounts(_ account: String, after: UInt64, limit: Int) throws -> [StoredTokenCount] {
    try database.all(
      """
      SELECT token, spam, ham FROM token WHERE scope = (SELECT id FROM lesson_scope WHERE account = ?) AND token > ?
      ORDER BY token LIMIT ?
      """, .text(account), .int(Int64(bitPattern: after)), .int(limit)
    ) { StoredTokenCount(token: UInt64(bitPattern: $0.int64(0)), spam: $0.uint32(1), ham: $0.uint32(2)) }
  }

  /// Whether a wish waits.
  public func hasTraining() throws -> Bool { try database.number("SELECT EXISTS(SELECT 1 FROM training)") == 1 }
}
