import Testing

@testable import Configuration
@testable import Filtering

@Suite("The administrator's rules")
struct RuleBookTests {
  static func rule(
    _ name: String = "r", directions: [Configuration.Rule.Direction] = [], senders: [String] = [],
    recipients: [String] = [], headers: [(String, [String])] = [], largerThan: Int? = nil, names: [String] = [],
    types: [String] = [], action: Configuration.Rule.Action = .quarantine, text: String = ""
  ) -> Configuration.Rule {
    Configuration.Rule(
      name: name, directions: directions, senders: senders.map { .init($0) }, recipients: recipients.map { .init($0) },
      headers: headers.map { .init(field: $0.0, words: $0.1) }, largerThan: largerThan,
      attachmentNames: names.map { .init($0) }, attachmentTypes: types.map { .init($0) }, action: action, text: text)
  }

  static func facts(
    senders: [String] = ["eve@evil.example"], inside: Bool = false, size: Int = 1000, names: [String] = [],
    types: [String] = ["text/plain"], fields: [String: [String]] = [:]
  ) -> RuleFacts {
    RuleFacts(
      senders: senders, isFromInside: inside, size: size, attachmentNames: names, attachmentTypes: types,
      fields: fields.mapValues { $0.map { Phrase.Text($0) } })
  }

  func holds(_ rule: Configuration.Rule, _ facts: RuleFacts) -> Bool {
    !RuleBook([rule]).candidates(facts) { false }.found.isEmpty
  }

  @Test func everyConditionMustHoldAndAnyOfItsValues() {
    let rule = Self.rule(
      senders: ["*@evil.example", "*@bad.example"], headers: [("Subject", ["prize", "lottery"])], largerThan: 999,
      names: ["*.exe"], types: ["application/*"])
    let all = Self.facts(
      names: ["a.txt", "B.EXE"], types: ["text/plain", "application/x-dosexec"], fields: ["subject": ["A PRIZE"]])
    #expect(holds(rule, all))
    for wrong in 0..<5 {
      var facts = all
      switch wrong {
      case 0: facts.senders = ["eve@good.example"]
      case 1: facts.fields = ["subject": [Phrase.Text("hello")]]
      case 2: facts.size = 999
      case 3: facts.attachmentNames = ["a.txt"]
      default: facts.attachmentTypes = ["text/plain"]
      }
      #expect(!holds(rule, facts), "condition \(wrong)")
    }
  }

  @Test func aFieldThatIsMissingHasNoWords() {
    #expect(!holds(Self.rule(headers: [("X-Spam", ["yes"])]), Self.facts()))
  }

  @Test func reasonsSayWhatWasFound() {
    let found = RuleBook([
      Self.rule(senders: ["*@evil.example"], headers: [("Subject", ["Prize"])], largerThan: 10, names: ["*.exe"])
    ]).candidates(Self.facts(names: ["B.EXE"], fields: ["subject": ["a prize"]])) { false }.found
    #expect(
      found.first?.reasons == [
        "sender eve@evil.example", "1000 bytes, more than 10", "Subject has \"Prize\"", "attachment \"B.EXE\"",
      ])
  }

  @Test func directions() {
    #expect(RuleBook.direction(fromInside: false, toInside: true) == .incoming)
    #expect(RuleBook.direction(fromInside: true, toInside: false) == .outgoing)
    #expect(RuleBook.direction(fromInside: true, toInside: true) == .internal)
    let incoming = Self.rule(directions: [.incoming])
    let inside = RecipientFacts(addresses: ["anna@office.example"], isInside: true)
    #expect(RuleBook.applies(incoming, to: inside, Self.facts()))
    #expect(!RuleBook.applies(incoming, to: inside, Self.facts(inside: true)))
  }

  @Test func recipientsAreLookedAtEachByItself() {
    let rule = Self.rule(recipients: ["anna@office.example"])
    #expect(
      RuleBook.applies(rule, to: RecipientFacts(addresses: ["Anna@Office.example"], isInside: true), Self.facts()))
    #expect(
      !RuleBook.applies(rule, to: RecipientFacts(addresses: ["bert@office.example"], isInside: true), Self.facts()))
  }

  @Test func whatIsNotTriedInTimeIsCounted() {
    let book = RuleBook((0..<5).map { Self.rule("r\($0)", largerThan: 10) })
    var asked = 0
    let result = book.candidates(Self.facts()) {
      asked += 1
      return asked > 2
    }
    #expect(result.found.map(\.rule.name) == ["r0", "r1"])
    #expect(result.untried == 3)
  }
}
