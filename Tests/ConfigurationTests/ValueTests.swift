import Testing

@testable import Configuration

@Suite struct ValueTests {
  @Test(arguments: [
    ("50 MiB", 50 << 20), ("50MiB", 50 << 20), ("1 GB", 1_000_000_000), ("1.5 KiB", 1536), ("0 B", 0), ("7 B", 7),
  ]) func sizes(text: String, bytes: Int) { #expect(Quantity.size(text) == bytes) }

  @Test(arguments: [
    "", "50", "MiB", "-1 MiB", "1  MiB", "1 mib", "1. MiB", ".5 MiB", "1.2.3 MiB", "99999999 TiB",
    "9999999999999999999 B",
  ])
  func noSizes(text: String) { #expect(Quantity.size(text) == nil) }

  @Test(arguments: [
    ("30 s", 30_000), ("1 day", 86_400_000), ("5 days", 432_000_000), ("250 ms", 250), ("1.5 h", 5_400_000),
    ("15 min", 900_000), ("2 weeks", 1_209_600_000), ("1d", 86_400_000),
  ]) func durations(text: String, milliseconds: Int) { #expect(Quantity.duration(text) == .milliseconds(milliseconds)) }

  @Test(arguments: ["30", "s", "30 m", "-3 s", "3 months", "99999999999999999 weeks"])
  func noDurations(text: String) { #expect(Quantity.duration(text) == nil) }

  @Test func quantitiesAreWrittenBackAsTheyAreRead() {
    for size in [0, 1, 1023, 1024, 1536, 50 << 20, 3 << 30] { #expect(Quantity.size(Quantity.size(size)) == size) }
    for time in [Duration.seconds(1), .seconds(90), .seconds(300), .seconds(86_400), .milliseconds(5)] {
      #expect(Quantity.duration(Quantity.duration(time)) == time)
    }
  }

  @Test(arguments: [
    ("*.exe", "setup.EXE", true), ("*.exe", "setup.exe.txt", false), ("*", "", true), ("a*b*c", "aXbYc", true),
    ("a*b*c", "acb", false), ("ab*ba", "aba", false), ("exact", "EXACT", true), ("exact", "exacts", false),
    ("*@*.example", "a@b.example", true), ("**a**", "xax", true), ("*a*a*", "xa", false), ("", "", true),
    ("", "x", false),
  ]) func patterns(pattern: String, text: String, fits: Bool) {
    #expect(Configuration.Pattern(pattern).matches(text) == fits)
  }

  @Test func aHostilePatternTakesNoExponentialTime() {
    let pattern = Configuration.Pattern(String(repeating: "a*", count: 50) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 5000)))
  }

  @Test(arguments: [
    ("a@b.example", true), ("a.b+c@b.example", true), ("jörg@bücher.example", true), ("@b.example", false),
    ("a@", false), ("a b@c.example", false), ("a..b@c.example", false), (".a@c.example", false), ("a", false),
    ("\"a b\"@c.example", false), ("a@b@c.example", false), ("a@-b.example", false), ("a@b..example", false),
  ]) func addresses(text: String, isAddress: Bool) {
    #expect((Configuration.Address(text) != nil) == isAddress)
  }

  @Test func addressesDifferInMoreThanCase() {
    #expect(Configuration.Address("Alice@Example.ORG") == Configuration.Address("alice@example.org"))
    #expect(Configuration.Address("alice@example.org") != Configuration.Address("alic@example.org"))
    // One name in two Unicode spellings is one name.
    #expect(Configuration.Address("jo\u{308}rg@example.org") == Configuration.Address("j\u{f6}rg@example.org"))
  }

  @Test(arguments: [("kitten", "sitting", 3), ("ab", "ba", 1), ("", "abc", 3), ("same", "same", 0)])
  func distances(a: String, b: String, distance: Int) { #expect(Suggestion.distance(a, b) == distance) }
}
