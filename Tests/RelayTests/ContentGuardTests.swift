import Testing

@testable import Relay

@Suite("What never leaves the house")
struct ContentGuardTests {
  func scan(_ pieces: [[UInt8]]) -> (finding: ContentGuard.Finding?, complete: Bool, guardian: ContentGuard) {
    var guardian = ContentGuard()
    for piece in pieces { piece.withUnsafeBytes { _ = guardian.scan($0) } }
    let complete = guardian.finish()
    return (guardian.finding, complete, guardian)
  }

  static let cases: [(String, ContentGuard.Finding?)] = [
    ("", nil), ("a\r\n", nil), ("\r\n.\r\n", nil), ("a\r\n\r\nb", nil), ("\tindented\r\n", nil),
    ("a\nb", .bareLF(offset: 1)), ("\n", .bareLF(offset: 0)), ("a\rb", .bareCR(offset: 1)), ("a\r", .bareCR(offset: 1)),
    ("a\r\r\n", .bareCR(offset: 1)), ("a\r\n\n", .bareLF(offset: 3)), ("a\0b", .nul(offset: 1)),
    ("a\r\0\n", .bareCR(offset: 1)), ("a\r\n.\r\r\nMAIL FROM:<x>", .bareCR(offset: 4)),
    ("a\rb\r\n", .bareCR(offset: 1)), ("\r\n\0", .nul(offset: 2)), ("a\nb\0", .bareLF(offset: 1)),
    ("\r", .bareCR(offset: 0)),
    ("one\r\ntwo\r\nthree\n", .bareLF(offset: 15)), ("\u{fc}\r\n", nil),
  ]

  @Test(arguments: cases)
  func atEverySplit(_ text: String, _ expected: ContentGuard.Finding?) {
    let bytes = Array(text.utf8)
    for split in 0...bytes.count {
      let result = scan([Array(bytes[..<split]), Array(bytes[split...])])
      #expect(result.finding == expected, "split at \(split)")
      #expect(result.complete == (expected == nil))
    }
    #expect(scan(bytes.map { [$0] }).finding == expected)
  }

  @Test func seesWhetherTheLastLineIsComplete() {
    #expect(!scan([Array("gruen".utf8)]).guardian.endsInLine)
    #expect(scan([Array("gruen\r\n".utf8)]).guardian.endsInLine)
    #expect(scan([]).guardian.endsInLine)
  }
}
