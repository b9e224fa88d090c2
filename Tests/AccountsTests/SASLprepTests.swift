import Testing

@testable import Accounts

@Suite struct SASLprepTests {
  func prepare(_ text: String, stored: Bool = true) throws -> String {
    String(decoding: try SASLprep.prepare(Array(text.utf8), isStored: stored), as: UTF8.self)
  }

  /// RFC 4013 §3, and what keyboards type.
  @Test(arguments: [
    ("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("a b", "a b"), ("a\u{a0}b", "a b"),
    ("Grüße ÄÖÜ", "Grüße ÄÖÜ"),
    ("mot de passé", "mot de passé"), ("пароль", "пароль"), ("Ελλάς", "Ελλάς"), ("密码", "密码"), ("パスワード", "パスワード"),
    ("סיסמה", "סיסמה"), ("zł€", "zł€"),
  ]) func prepared(text: String, result: String) throws {
    #expect(try prepare(text) == result)
  }

  @Test(arguments: [
    "\u{7}", "a\nb", "\u{7f}", "\u{aa}", "\u{2168}", "\u{627}1", "e\u{301}", "\u{fb01}", "ａ", "\u{212b}", "\u{e000}",
    "\u{202e}x", "\u{fffd}", "½", "\u{2028}", "aב", "\u{1112}\u{1161}",
  ]) func refused(text: String) {
    #expect(throws: SASLprep.Failure.self) { try prepare(text) }
  }

  @Test func nothingIsNoPassword() {
    #expect(throws: SASLprep.Failure.empty) { try prepare("") }
    #expect(throws: SASLprep.Failure.empty) { try prepare("\u{ad}") }
    #expect(throws: SASLprep.Failure.notUTF8) { try SASLprep.prepare([0xff], isStored: true) }
  }

  @Test func newerCharactersAreNotStoredButMayBeAsked() throws {
    #expect(throws: SASLprep.Failure.forbidden("\u{1f600}")) { try prepare("\u{1f600}") }
    #expect(try prepare("\u{1f600}", stored: false) == "\u{1f600}")
  }

  @Test func anyBytesComeToAnEnd() {
    var generator = Repeatable(seed: 3)
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if let prepared = try? SASLprep.prepare(bytes, isStored: false) {
        // What is prepared stays as it is.
        #expect((try? SASLprep.prepare(prepared, isStored: false)) == prepared)
      }
    }
  }
}
