import Store
import Testing

@testable import IMAP

/// The examples of RFC 9051 §6.3.9.8 and RFC 5258 §5, without `\Marked` and `\NoInferiors`, which this server never says.
@Suite struct ListingTests {
  private func listing(_ mailboxes: [String], subscribed: [String] = [], uses: [String: SpecialUse] = [:]) -> Listing {
    Listing(
      mailboxes: mailboxes.map { Listing.Known(name: MailboxName(stored: $0), specialUse: uses[$0]) },
      subscriptions: subscribed.map { MailboxName(stored: $0) })
  }

  private func list(
    _ listing: Listing, _ patterns: String..., selection: ListRequest.Selection = [],
    returns: ListRequest.Returns = [], isLSUB: Bool = false, extended: Bool = true
  ) -> [String] {
    let returns = selection.contains(.subscribed) ? returns.union(.subscribed) : returns
    return listing.lines(
      patterns: patterns.map { ListPattern(reference: "", pattern: $0) }, selection: selection, returns: returns,
      isLSUB: isLSUB, prefersNonExistent: extended
    ).map { line in
      let info = line.childInfo.isEmpty ? "" : " CHILDINFO \(line.childInfo.joined(separator: ","))"
      let attributes = line.attributes.filter { !$0.contains("Children") }
      return "(\(attributes.joined(separator: " "))) \(line.name.text)\(info)"
    }
  }

  private var fruit: Listing {
    listing(
      ["INBOX", "Fruit", "Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable", "Vegetable/Broccoli", "Vegetable/Corn"],
      subscribed: ["INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"])
  }

  @Test func everything() {
    #expect(
      list(fruit, "*") == [
        "() INBOX", "() Fruit", "() Fruit/Apple", "() Fruit/Banana", "() Tofu", "() Vegetable", "() Vegetable/Broccoli",
        "() Vegetable/Corn",
      ])
    #expect(list(fruit, "%") == ["() INBOX", "() Fruit", "() Tofu", "() Vegetable"])
  }

  @Test func subscribedNamesNeedNotExist() {
    #expect(
      list(fruit, "*", selection: .subscribed) == [
        "(\\Subscribed) INBOX", "(\\Subscribed) Fruit/Banana", "(\\NonExistent \\Subscribed) Fruit/Peach",
        "(\\Subscribed) Vegetable", "(\\Subscribed) Vegetable/Broccoli",
      ])
  }

  @Test func childrenAreTold() {
    let lines = fruit.lines(
      patterns: [ListPattern(reference: "", pattern: "%")], selection: [], returns: .children, prefersNonExistent: true)
    #expect(
      lines.map { $0.attributes } == [["\\HasNoChildren"], ["\\HasChildren"], ["\\HasNoChildren"], ["\\HasChildren"]])
  }

  private var foo: Listing {
    listing(
      [
        "INBOX", "foo2", "foo2/bar1", "foo2/bar2", "baz2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2",
        "eps2/mamba",
      ],
      subscribed: [
        "foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba",
      ])
  }

  @Test func recursiveMatchTellsOfChildrenThatAreNotListed() {
    #expect(
      list(foo, "*2", selection: [.subscribed, .recursiveMatch]) == [
        "(\\Subscribed) baz2/bar2", "(\\Subscribed) baz2/bar22", "(\\Subscribed) baz2/bar222",
        "(\\Subscribed) eps2 CHILDINFO SUBSCRIBED", "() foo2 CHILDINFO SUBSCRIBED", "(\\Subscribed) foo2/bar2",
      ])
  }

  @Test func aParentThatDoesNotExistIsToldByItsChildren() {
    let missing = listing(["INBOX", "Foo/Bar"], subscribed: ["Foo/Bar", "Gone/Child"])
    #expect(list(missing, "%") == ["() INBOX", "(\\NonExistent) Foo"])
    #expect(list(missing, "%", extended: false) == ["() INBOX", "(\\Noselect) Foo"])
    #expect(
      list(missing, "%", selection: [.subscribed, .recursiveMatch]) == [
        "(\\NonExistent) Foo CHILDINFO SUBSCRIBED", "(\\NonExistent) Gone CHILDINFO SUBSCRIBED",
      ])
    // Only levels above mailboxes are listed, and only where the pattern ends in %.
    #expect(list(missing, "*") == ["() INBOX", "() Foo/Bar"])
  }

  @Test func nothingIsSubscribedSoNothingIsSaid() {
    #expect(list(listing(["INBOX", "Foo", "Foo/Bar"]), "%", selection: [.subscribed, .recursiveMatch]) == [])
  }

  @Test func severalPatternsGiveEachNameOnce() {
    #expect(list(fruit, "Fruit*", "*Apple", "INBOX") == ["() INBOX", "() Fruit", "() Fruit/Apple", "() Fruit/Banana"])
  }

  @Test func specialUses() {
    let special = listing(["INBOX", "Sent", "Work", "Work/Old"], uses: ["Sent": .sent, "Work/Old": .archive])
    #expect(list(special, "*", selection: .specialUse) == ["(\\Sent) Sent", "(\\Archive) Work/Old"])
    #expect(
      list(special, "%", selection: [.specialUse, .recursiveMatch]) == [
        "(\\Sent) Sent", "() Work CHILDINFO SPECIAL-USE",
      ])
  }

  @Test func lsub() {
    #expect(
      list(fruit, "*", isLSUB: true) == [
        "() INBOX", "() Fruit/Banana", "() Fruit/Peach", "() Vegetable", "() Vegetable/Broccoli",
      ])
    // RFC 3501 §6.3.9
    #expect(list(fruit, "%", isLSUB: true) == ["() INBOX", "(\\Noselect) Fruit", "() Vegetable"])
  }

  @Test func inboxAndWhatIsBelowItComeFirst() {
    #expect(
      list(listing(["A", "INBOX/Lists", "INBOX", "A/B", "A-1", "INBOX2"]), "*").map { $0.dropFirst(3) } == [
        "INBOX", "INBOX/Lists", "A", "A/B", "A-1", "INBOX2",
      ])
  }

  @Test func onlyMailboxesHaveAStatus() {
    let lines = listing(["Foo/Bar"], subscribed: ["Foo", "Foo/Bar"]).lines(
      patterns: [ListPattern(reference: "", pattern: "*")], selection: .subscribed, returns: [],
      prefersNonExistent: true)
    #expect(lines.map(\.isSelected) == [false, true])
  }

  /// A thousand levels' worth of names must not take a thousand times a thousand steps.
  @Test func manyMailboxesAreNoTrouble() {
    let many = (0..<5000).map { "a/b\($0)" }
    let lines = listing(many, subscribed: many).lines(
      patterns: [ListPattern(reference: "", pattern: "a/%")], selection: [.subscribed, .recursiveMatch], returns: [],
      prefersNonExistent: true)
    #expect(lines.count == 5000)
  }
}
