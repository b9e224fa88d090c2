import Resolver
import Testing

@testable import Relay

@Suite("Directions")
struct DirectionsTests {
  private func directions(
    _ records: [(Int, String)], own: [String] = ["mail.office.example"], chance: () -> Double = { 0 }
  ) throws -> [[String]] {
    let mx = records.compactMap { preference, name in
      DomainName(name).map { MXRecord(preference: UInt16(preference), exchange: $0) }
    }
    return try Directions(
      try #require(DomainName("far.example")), records: mx, isProven: false,
      ownNames: Set(own.compactMap { DomainName($0) }),
      chance: chance
    ).groups.map { $0.map(\.host) }
  }

  @Test func theLowestPreferenceComesFirst() throws {
    #expect(
      try directions([(20, "b.example"), (10, "a.example"), (30, "c.example")]).map(\.first) == [
        "a.example", "b.example", "c.example",
      ])
  }

  @Test func equalsAreInAnOrderThatChanceDecides() throws {
    let records = [(10, "c.example"), (10, "a.example"), (10, "b.example")]
    #expect(try directions(records, chance: { 0.999 }) == [["a.example", "b.example", "c.example"]])
    #expect(try directions(records, chance: { 0 }) == [["b.example", "c.example", "a.example"]])
    #expect(try directions(records, chance: { 1 }) == [["a.example", "b.example", "c.example"]])
    var seen: Set<[String]> = []
    for _ in 0..<200 { seen.insert(try directions(records, chance: { .random(in: 0..<1) })[0]) }
    #expect(seen.count == 6)
  }

  @Test func oneHostWithTwoPreferencesHasTheBetterOne() throws {
    #expect(
      try directions([(20, "a.example"), (10, "b.example"), (5, "A.example")]) == [["a.example"], ["b.example"]])
  }

  @Test func withoutRecordsTheDomainIsItsServer() throws {
    #expect(try directions([]) == [["far.example"]])
  }

  @Test func nullMXTakesNoMailAndBesideOthersMeansNothing() throws {
    #expect(throws: Directions.Obstacle.nullMX) { try directions([(0, ".")]) }
    #expect(throws: Directions.Obstacle.nullMX) { try directions([(10, "."), (0, ".")]) }
    #expect(try directions([(0, "."), (10, "a.example")]) == [["a.example"]])
  }

  @Test func whereWeAreOneOfThemOnlyTheBetterOnesAreLeft() throws {
    let records = [(10, "a.example"), (20, "Mail.Office.example"), (20, "b.example"), (30, "c.example")]
    #expect(try directions(records) == [["a.example"]])
    #expect(throws: Directions.Obstacle.loop) { try directions([(10, "mail.office.example"), (10, "a.example")]) }
  }
}
