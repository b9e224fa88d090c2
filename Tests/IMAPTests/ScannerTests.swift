import Testing

@testable import IMAP

@Suite struct ScannerTests {
  private func scanner(_ text: String) -> Scanner { Scanner(Array(text.utf8)) }

  @Test func quotedStringsUnescape() throws {
    var scanner = scanner(#""a \"b\" \\c""#)
    #expect(try scanner.string() == Array(#"a "b" \c"#.utf8))
    #expect(scanner.isAtEnd)
  }

  @Test(arguments: [#""open"#, #""bad \escape""#, "\"line\r\nbreak\"", "\"nul\u{0}\"", "\""])
  func brokenQuotedStringsAreErrors(_ text: String) {
    var scanner = scanner(text)
    #expect(throws: SyntaxError.self) { try scanner.string() }
  }

  @Test func quotedStringsMayBeUTF8ButNothingElseAbove127() throws {
    var good = scanner("\"Gr\u{fc}\u{df}e\"")
    #expect(try good.string() == Array("Gr\u{fc}\u{df}e".utf8))
    var bad = Scanner([0x22, 0xC3, 0x28, 0x22])
    #expect(throws: SyntaxError.malformed("A quoted string is not valid UTF-8")) { try bad.string() }
  }

  @Test func literalsMayHoldWhatQuotedStringsMayNot() throws {
    var scanner = scanner("{6}\r\na\r\n\"\\) rest")
    #expect(try scanner.astring() == Array("a\r\n\"\\)".utf8))
    #expect(Array(scanner.rest) == Array(" rest".utf8))
    var empty = self.scanner("{0+}\r\n")
    #expect(try empty.string() == [])
  }

  @Test func aLiteralThatHasNotComeIsAwaited() {
    for text in ["{5}", "{5}\r\nabc", "{5+}\r\n"] {
      var scanner = scanner(text)
      #expect(throws: SyntaxError.awaitingLiteral) { try scanner.string() }
    }
  }

  @Test(arguments: [
    "{}\r\n", "{-1}\r\n", "{99999999999999999999}\r\n", "{3\r\nabc", "{3}abc", "~{3}\r\nabc", "{3}\r\na\u{0}c",
  ])
  func brokenLiteralsAreErrors(_ text: String) {
    var scanner = scanner(text)
    #expect {
      try scanner.string()
    } throws: { error in
      if case .malformed = error as? SyntaxError { true } else { false }
    }
  }

  @Test func numbersHaveTheirLimits() throws {
    var number = scanner("4294967295")
    #expect(try number.number() == .max)
    var large = scanner("4294967296")
    #expect(throws: SyntaxError.malformed("A number is too large")) { try large.number() }
    var number64 = scanner("9223372036854775807")
    #expect(try number64.number64() == .max)
    var tooLarge = scanner("9223372036854775808")
    #expect(throws: SyntaxError.malformed("A number is too large")) { try tooLarge.number64() }
    var zero = scanner("0")
    #expect(throws: SyntaxError.self) { try zero.nonZeroNumber() }
  }

  @Test func wordsEndWhereAtomsEnd() {
    var scanner = scanner("nilly NIL)")
    let isWord = scanner.take(word: "NIL")
    #expect(!isWord)
    _ = scanner.take(while: CharacterClass.isAtom)
    let isSpace = scanner.take(" ")
    let isWordNow = scanner.take(word: "NIL")
    #expect(isSpace && isWordNow)
    #expect(scanner.peek() == UInt8(ascii: ")"))
  }

  @Test func positionsOutsideAreCut() {
    #expect(Scanner([1, 2], from: 99).isAtEnd)
    #expect(Scanner([1, 2], from: -1).position == 0)
  }

  @Test func aDateNeedsADayThatExists() throws {
    var plain = scanner("1-Feb-1994")
    #expect(try plain.date().day == 1)
    var quoted = scanner("\"28-FEB-2023\" ")
    #expect(try quoted.date().month == 2)
    for text in ["30-Feb-2023", "1-Foo-2023", "\"1-Feb-2023", "x", "1-Feb-23", ""] {
      var bad = scanner(text)
      #expect(throws: SyntaxError.self, "\(text)") { try bad.date() }
    }
  }

  @Test func aDateAndTimeHasAZone() throws {
    var west = scanner("\"17-Jul-1996 02:44:25 -0700\"")
    let date = try west.dateTime()
    #expect(date.moment.description == "1996-07-17T09:44:25Z")
    #expect(date.offsetMinutes == -420)
    var oneDigit = scanner("\" 1-Jan-2026 00:00:00 +0530\"")
    #expect(try oneDigit.dateTime().moment.description == "2025-12-31T18:30:00Z")
    for text in ["\"17-Jul-1996 25:44:25 -0700\"", "\"17-Jul-1996\"", "17-Jul-1996 02:44:25 -0700", "\""] {
      var bad = scanner(text)
      #expect(throws: SyntaxError.self, "\(text)") { try bad.dateTime() }
    }
  }
}

@Suite struct LiteralAnnouncementTests {
  @Test func itIsFoundAtTheEndOfALine() {
    #expect(LiteralAnnouncement(endOf: Array("a LOGIN {5}".utf8)) == LiteralAnnouncement(size: 5))
    #expect(
      LiteralAnnouncement(endOf: Array("a LOGIN {0012+}".utf8)) == LiteralAnnouncement(size: 12, isSynchronising: false)
    )
    #expect(
      LiteralAnnouncement(endOf: Array("a APPEND x ~{7+}".utf8))
        == LiteralAnnouncement(size: 7, isSynchronising: false, isBinary: true))
    #expect(LiteralAnnouncement(endOf: Array("{0}".utf8))?.size == 0)
  }

  @Test(arguments: ["", "}", "{}", "{+}", "{5} ", "5}", "{5-}", "{a5}", "{5++}"])
  func nothingElseIsOne(_ line: String) { #expect(LiteralAnnouncement(endOf: Array(line.utf8)) == nil) }

  /// Octets that were announced must never be taken for commands, however many they are.
  @Test func numbersBeyondAllBoundsAreStillAnnouncements() {
    for digits in ["9223372036854775807", "9223372036854775808", "1" + String(repeating: "0", count: 5000)] {
      #expect(LiteralAnnouncement(endOf: Array("a {\(digits)+}".utf8))?.size == Int.max)
    }
    #expect(LiteralAnnouncement(endOf: Array("{\(String(repeating: "0", count: 500))7}".utf8))?.size == 7)
    #expect(LiteralAnnouncement(endOf: Array("{9000000000000000000}".utf8))?.size == 9_000_000_000_000_000_000)
  }
}

@Suite struct SequenceSetTests {
  private func set(_ text: String) throws -> SequenceSet {
    var scanner = Scanner(Array(text.utf8))
    let set = try scanner.sequenceSet()
    try scanner.end()
    return set
  }

  @Test func theExamplesOfTheGrammar() throws {
    #expect(try set("2,4:7,9,12:*").resolved(largest: 15) == [2...2, 4...7, 9...9, 12...15])
    #expect(try set("*:4,5:7").resolved(largest: 10) == [4...10])
    #expect(try set("4:2").resolved(largest: 10) == [2...4])
    #expect(try set("3291:*").resolved(largest: 7) == [7...3291])
    #expect(try set("1:2,3,5,4").resolved(largest: 9) == [1...5])
  }

  @Test func theExtremesDoNotOverflow() throws {
    #expect(try set("4294967295,1").resolved(largest: .max) == [1...1, UInt32.max...UInt32.max])
    #expect(try set("1:4294967295").resolved(largest: 0) == [1...UInt32.max])
    #expect(try set("4294967294:*").resolved(largest: .max) == [UInt32.max - 1...UInt32.max])
  }

  @Test func theSavedResultCanBePartOfASet() throws {
    #expect(try set("$").includesSaved)
    #expect(try set("$").ranges.isEmpty)
    #expect(try set("1,$").ranges.count == 1)
  }

  @Test(arguments: ["", "0", "01", "1,", "1:", ":1", "a", "1:2:3", "4294967296", "*:", "**"])
  func whatIsNoSetIsAnError(_ text: String) { #expect(throws: SyntaxError.self) { try set(text) } }
}
