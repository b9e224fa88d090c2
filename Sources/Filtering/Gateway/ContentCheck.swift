internal import MailFlow
internal import Platform

/// What one check thinks should become of a message, the weakest first.
enum Demand: Equatable, Sendable {
  /// A header field says what was found.
  case tag(Tag.Field)
  /// To the Junk folder.
  case junk
  case quarantine(reason: String)
  case reject(Answer)
  /// Accepted and dropped, as a filter of the office's wants it.
  case discard(reason: String)

  var weight: Int {
    switch self {
    case .tag: 0
    case .junk: 1
    case .quarantine: 2
    case .reject(let answer): answer.isTransient ? 3 : 4
    case .discard: 5
    }
  }
}

/// What a check has to say about one recipient's copy.
struct Opinion: Sendable {
  var factors: [Factor] = []
  var demands: [Demand] = []
  /// Fields that a filter of the office's wants to have in the header, and what it wants changed there.
  var fields: [Tag.Field] = []
  var edits: [Tag.Edit] = []

  static let nothing = Opinion()

  static func + (a: Opinion, b: Opinion) -> Opinion {
    Opinion(
      factors: a.factors + b.factors, demands: a.demands + b.demands, fields: a.fields + b.fields,
      edits: a.edits + b.edits)
  }
}

/// What a check has to say about a message: for all recipients, and for each.
struct CheckFindings: Sendable {
  var common = Opinion()
  /// By the recipient's place in the envelope.
  var own: [Int: Opinion] = [:]

  func opinion(_ recipient: Int) -> Opinion { common + (own[recipient] ?? .nothing) }

  /// A check that cannot say anything, and why.
  static func unknown(_ test: String, _ reason: String) -> CheckFindings {
    CheckFindings(common: Opinion(factors: [Factor(test: test, reason: "unknown: \(reason)")]))
  }
}

/// One thing to be looked at. Checks run side by side, each under a time budget; one that is late counts as unknown.
protocol ContentCheck: Sendable {
  /// Its name in traces.
  var test: String { get }

  /// Whether it has anything to do with this message; quick, and without waiting.
  func applies(to message: JudgedMessage) -> Bool

  /// Never throws: what goes wrong is a finding.
  func examine(_ message: JudgedMessage) async -> CheckFindings
}
