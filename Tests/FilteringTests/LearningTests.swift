import Configuration
import Logging
import Message
import Platform
import Store
import Testing

@testable import Filtering
@testable import MailFlow

@Suite("Learning") struct LearningTests {
  /// An account's mailboxes over a store, with the observer and a trainer that works when it is told.
  struct Office: Sendable {
    let folder = TestFolder()
    let store: Store
    let flow: MailFlow
    let classifier: BayesClassifier
    let observer: TrainingObserver
    let trainer: Trainer

    init(minimum: Int = 1) throws {
      let configuration = try Configuration(text: RuleJudgeTests.office)
      store = try Store.open(folder: folder.path)
      classifier = BayesClassifier(store: store, minimum: { minimum })
      observer = TrainingObserver(learns: { true })
      trainer = Trainer(store: store, classifier: classifier, observer: observer, log: Logger(label: "test"))
      flow = MailFlow(
        store: store, configuration: { configuration }, judge: OpenGate(), planner: NoPlanner(), observers: [observer])
    }

    func mailbox(_ name: String) async throws -> MailboxID {
      try await flow.mailboxes.prepare(account: "anna")
      let found = try await store.read { try $0.mailbox(account: "anna", name: name) }
      return try #require(found).id
    }

    func append(_ text: String, to mailbox: MailboxID) async throws -> UID {
      try await flow.mailboxes.append(account: "anna", mailbox: mailbox, content: Content.received(text)).uid
    }

    func move(_ uid: UID, from: MailboxID, to: MailboxID) async throws -> UID {
      let moved = try await flow.mailboxes.move(account: "anna", from: from, uids: UIDSet([uid]), to: to)
      return try #require(moved.destination.first)
    }

    /// Carries out all that waits; how much that was.
    @discardableResult func train() async throws -> Int {
      var steps = 0
      while try await trainer.step() { steps += 1 }
      return steps
    }

    func counts(_ account: String) async throws -> [StoredTokenCount] {
      try await store.read { try $0.tokenCounts(account, after: 0, limit: 100_000) }
    }

    func lessons(_ account: String = "anna") async throws -> [Int] {
      let scope = try await store.read { try $0.lessonScope(account) }
      return [scope?.spam ?? 0, scope?.ham ?? 0]
    }
  }

  struct NoPlanner: Planner {
    func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution { .local }
    func plan(_ message: PlannedMessage) async throws -> Plan {
      Plan(recipients: [], configurationGeneration: 1)
    }
  }

  private let offer = "From: shop@spam.example\nSubject: cheap pills\n\nBuy cheap pills now\n"
  private let letter = "From: bert@office.example\nSubject: meeting\n\nShall we meet tomorrow\n"

  @Test func movesTeach() async throws {
    let office = try Office()
    let (inbox, junk, trash) = (
      try await office.mailbox("INBOX"), try await office.mailbox("Junk"), try await office.mailbox("Trash")
    )
    let uid = try await office.append(offer, to: inbox)
    #expect(try await office.train() == 0)
    let there = try await office.move(uid, from: inbox, to: junk)
    #expect(try await office.train() == 1)
    #expect(try await office.lessons() == [1, 0])
    #expect(try await office.lessons("") == [1, 0])
    // Back: what it taught is taken back, and the contrary learned.
    let back = try await office.move(there, from: junk, to: inbox)
    try await office.train()
    #expect(try await office.lessons() == [0, 1])
    #expect(try await office.counts("").allSatisfy { $0.spam == 0 && $0.ham == 1 })
    // Junk that is thrown away is not wanted for it.
    let again = try await office.move(back, from: inbox, to: junk)
    _ = try await office.move(again, from: junk, to: trash)
    #expect(try await office.train() == 1)
    #expect(try await office.lessons() == [1, 0])
    #expect(try await office.store.check().problems.isEmpty)
    await office.store.close()
  }

  @Test func everyStepIsReversibleExactly() async throws {
    let office = try Office()
    let (inbox, junk) = (try await office.mailbox("INBOX"), try await office.mailbox("Junk"))
    for number in 0..<5 {
      let uid = try await office.append("Subject: number \(number)\n\nBuy word\(number) and pills\n", to: inbox)
      _ = try await office.move(uid, from: inbox, to: junk)
    }
    try await office.train()
    let before = (try await office.counts(""), try await office.counts("anna"))
    let uid = try await office.append(offer, to: inbox)
    for _ in 0..<3 {
      _ = try await office.flow.mailboxes.changeFlags(
        account: "anna", mailbox: inbox, uids: UIDSet([uid]), .add, [], keywords: ["$Junk"])
      try await office.train()
      #expect(try await office.lessons() == [6, 0])
      #expect(try await office.counts("") != before.0)
      _ = try await office.flow.mailboxes.changeFlags(
        account: "anna", mailbox: inbox, uids: UIDSet([uid]), .remove, [], keywords: ["$Junk"])
      try await office.train()
      #expect(try await office.counts("") == before.0)
      #expect(try await office.counts("anna") == before.1)
    }
    #expect(try await office.store.check().problems.isEmpty)
    await office.store.close()
  }

  @Test func keywordsTeachAndOtherFlagsDoNot() async throws {
    let office = try Office()
    let inbox = try await office.mailbox("INBOX")
    let uid = try await office.append(letter, to: inbox)
    func change(_ change: FlagChange, _ flags: Flags, _ keywords: [String]) async throws {
      _ = try await office.flow.mailboxes.changeFlags(
        account: "anna", mailbox: inbox, uids: UIDSet([uid]), change, flags, keywords: keywords)
      try await office.train()
    }
    try await change(.add, .seen, [])
    #expect(try await office.lessons() == [0, 0])
    try await change(.add, [], ["$NotJunk"])
    #expect(try await office.lessons() == [0, 1])
    try await change(.add, .flagged, [])
    #expect(try await office.lessons() == [0, 1])
    try await change(.replace, [], ["$Junk"])
    #expect(try await office.lessons() == [1, 0])
    try await change(.replace, [], [])
    #expect(try await office.lessons() == [0, 0])
    await office.store.close()
  }

  @Test func aMessageThatIsGoneIsStillLearned() async throws {
    let office = try Office()
    let (inbox, junk) = (try await office.mailbox("INBOX"), try await office.mailbox("Junk"))
    let there = try await office.move(try await office.append(offer, to: inbox), from: inbox, to: junk)
    _ = try await office.flow.mailboxes.expunge(
      account: "anna", mailbox: junk, uids: UIDSet([there]), onlyDeleted: false)
    #expect(try await office.train() == 1)
    #expect(try await office.lessons() == [1, 0])
    #expect(try await office.store.check().problems.isEmpty)
    await office.store.close()
  }

  @Test func whatEndedTheProcessTwiceIsNotTriedAgain() async throws {
    let office = try Office()
    let (inbox, junk) = (try await office.mailbox("INBOX"), try await office.mailbox("Junk"))
    _ = try await office.move(try await office.append(offer, to: inbox), from: inbox, to: junk)
    for _ in 0..<2 { _ = try await office.store.write { try $0.beginTraining() } }
    #expect(try await office.train() == 1)
    #expect(try await office.lessons() == [0, 0])
    await office.store.close()
  }

  @Test func whatWasLearnedIsUsed() async throws {
    let office = try Office(minimum: 3)
    let (spam, ham) = (MessageTokens(message: Array(offer.utf8)), MessageTokens(message: Array(letter.utf8)))
    #expect(try await office.classifier.classify(spam.tokens, account: "").probability == nil)
    for number in 0..<20 {
      let (a, b) = ("\(offer)word\(number)", "\(letter)name\(number)")
      for (text, isSpam) in [(a, true), (b, false)] {
        let message = MessageTokens(message: Array(text.utf8))
        let lesson = Lesson(
          account: "", message: message.identity, isSpam: isSpam, cause: .command, tokens: message.tokens)
        #expect(try await office.classifier.learn(lesson))
        #expect(try await !office.classifier.learn(lesson))
      }
    }
    #expect(try await office.classifier.classify(spam.tokens, account: "anna").score >= 5)
    #expect(try await office.classifier.classify(ham.tokens, account: "anna").score <= -5)
    // What is in memory is what is in the store.
    let fresh = BayesClassifier(store: office.store, minimum: { 3 })
    for tokens in [spam.tokens, ham.tokens] {
      #expect(
        try await fresh.classify(tokens, account: "") == office.classifier.classify(tokens, account: ""))
    }
    // For one account alone: its own word counts more.
    for number in 0..<20 {
      for (text, isSpam) in [("\(offer)own\(number)", false), ("\(letter)own\(number)", true)] {
        let message = MessageTokens(message: Array(text.utf8))
        _ = try await office.classifier.learn(
          Lesson(account: "bert", message: message.identity, isSpam: isSpam, cause: .command, tokens: message.tokens))
      }
    }
    #expect(try await office.classifier.classify(spam.tokens, account: "bert").score < 0)
    await office.store.close()
  }

  @Test func tokensTravelAsText() {
    let tokens: [UInt64] = [1, 0xFFFF_FFFF_FFFF, 42]
    #expect(TokenText.decode(TokenText.encode(tokens)) == tokens)
    #expect(TokenText.decode("AAAA") == nil && TokenText.decode("*") == nil)
  }
}
