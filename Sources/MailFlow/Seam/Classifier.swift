internal import Message
public import Store

/// What the classifier says of a message.
public struct Classification: Codable, Sendable, Hashable {
  /// 0 is wanted, 1 is spam, the middle is not known. `nil` where too little has been learned.
  public var probability: Double?
  /// What it adds to a message's score.
  public var score: Double
  /// Tokens of the message, and those that said something.
  public var tokens: Int
  public var used: Int
  /// Lessons behind it.
  public var spamLessons: Int
  public var hamLessons: Int

  public init(
    probability: Double?, score: Double, tokens: Int, used: Int, spamLessons: Int, hamLessons: Int
  ) {
    self.probability = probability
    self.score = score
    self.tokens = tokens
    self.used = used
    self.spamLessons = spamLessons
    self.hamLessons = hamLessons
  }
}

/// The classifier as commands use it. Filtering implements it.
public protocol Classifier: Sendable {
  /// Learns a lesson; what the same message taught before is taken back.
  /// - Returns: whether anything changed.
  func learn(_ lesson: Lesson) async throws -> Bool

  /// Takes a lesson back.
  /// - Returns: whether there was one.
  func forget(account: String, message: Int64) async throws -> Bool

  /// - Parameter account: whose own lessons count too; empty for everybody's alone.
  func classify(_ tokens: [UInt64], account: String) async throws -> Classification

  /// How much has been learned, for everybody (the empty name) and for each account.
  func scopes() async throws -> [LessonScope]
}

/// Tokens as text, for a request over the control socket: their octets in Base64.
public enum TokenText {
  public static func encode(_ tokens: [UInt64]) -> String {
    String(decoding: Base64.encode(Lesson.octets(of: tokens)), as: UTF8.self)
  }

  /// `nil` for what is no such text.
  public static func decode(_ text: String) -> [UInt64]? {
    guard let octets = Base64.decode(Array(text.utf8)), octets.count % Lesson.tokenSize == 0 else { return nil }
    return Lesson.tokens(in: octets)
  }
}
