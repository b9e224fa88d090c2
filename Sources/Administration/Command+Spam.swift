import MailFlow
import Store

extension Command {
  /// What people call spam.
  static let spam: [Command] = [
    Command("spam train") { arguments, office, emit in
      let classifier = try office.spamClassifier()
      let account = try arguments["account"].map { try office.accountName($0) } ?? ""
      let (tokens, message) = try arguments.tokens()
      let name = arguments["name"] ?? "the message"
      let done: Bool
      let word = try arguments.required("as")
      switch word {
      case "spam", "ham":
        done = try await classifier.learn(
          Lesson(account: account, message: message, isSpam: word == "spam", cause: .command, tokens: tokens))
      case "forget": done = try await classifier.forget(account: account, message: message)
      default: throw CommandFailure(status: 2, "a message is spam or ham, or is to be forgotten, not \(word)")
      }
      struct Line: Encodable {
        let name: String
        let `as`: String
        let account: String
        let changed: Bool
      }
      let words =
        switch (word, done) {
        case ("forget", true): "forgotten"
        case ("forget", false): "was not learned"
        case (_, true): "learned as \(word)"
        case (_, false): "was learned as \(word) before"
        }
      try await emit(
        ControlRow(text: "\(name): \(words)", Line(name: name, as: word, account: account, changed: done)))
    },
    Command("spam classify") { arguments, office, emit in
      let classifier = try office.spamClassifier()
      let account = try arguments["account"].map { try office.accountName($0) } ?? ""
      let said = try await classifier.classify(try arguments.tokens().tokens, account: account)
      let name = arguments["name"] ?? "the message"
      struct Line: Encodable {
        let name: String
        let account: String
        let verdict: String
        let classification: Classification
      }
      let isJunk = said.score >= Double(office.configuration.spam.junkScore)
      let verdict = said.probability == nil ? "unknown" : isJunk ? "spam" : said.score >= 0 ? "unsure" : "ham"
      let words =
        said.probability.map { "\(verdict), \(Int(($0 * 1000).rounded())) of 1000, score \(tenths(said.score))" }
        ?? "unknown: \(said.spamLessons) spam and \(said.hamLessons) ham were learned, which is too few to say anything"
      try await emit(
        ControlRow(
          text: "\(name): \(words)",
          Line(name: name, account: account, verdict: verdict, classification: said)))
    },
    Command("spam status") { _, office, emit in
      for scope in try await office.spamClassifier().scopes() {
        struct Line: Encodable {
          let account: String
          let spam: Int
          let ham: Int
          let tokens: Int
        }
        let name = scope.account.isEmpty ? "everybody" : scope.account
        try await emit(
          ControlRow(
            text: "\(name): \(scope.spam) spam and \(scope.ham) ham learned, \(scope.tokens) words",
            Line(account: scope.account, spam: scope.spam, ham: scope.ham, tokens: scope.tokens)))
      }
    },
  ]

  /// A score with one digit behind the point.
  static func tenths(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}

extension Arguments {
  /// The message as its tokens: the command line has read the file, which the appliance may not be allowed to.
  fileprivate func tokens() throws -> (tokens: [UInt64], message: Int64) {
    guard let tokens = TokenText.decode(try required("tokens")), let message = Int64(try required("message")) else {
      throw CommandFailure(status: 2, "the message was not understood: use `postroom spam` of the same version")
    }
    return (tokens, message)
  }
}

extension Office {
  fileprivate func spamClassifier() throws -> any Classifier {
    guard let classifier else { throw CommandFailure("this appliance has no classifier") }
    return classifier
  }

  fileprivate func accountName(_ name: String) throws -> String {
    guard let account = configuration.account(name) else {
      throw CommandFailure("there is no account \(name): `postroom account list` shows which there are")
    }
    return account.name
  }
}
