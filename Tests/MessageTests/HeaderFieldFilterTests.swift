import Testing

@testable import Message

@Suite struct HeaderFieldFilterTests {
  /// The filter reads bytes as they lie there; what it gives is what the section, taken apart, would give.
  @Test(arguments: [1, 2, 3]) func itAgreesWithTheSectionTakenApart(seed: UInt64) {
    var random = SplitMix(state: seed)
    let pieces = [
      "a", "To", "X-y", ":", " ", "\t", "\r\n", "\n", "\r", "\u{0}", "\u{FC}", "b: c\r\n", "to : d\r\n", "\r\n\r\n",
    ]
    for _ in 0..<3000 {
      let text = (0..<Int.random(in: 0...14, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
        .joined()
      let section = HeaderSection(text.bytes)
      for listed in [true, false] {
        let filter = HeaderFieldFilter(
          [["TO".bytes], ["b".bytes, "a".bytes]].randomElement(using: &random) ?? [], listed: listed)
        #expect(filter.fields(of: text.bytes) == expected(section, filter, text), "\(text.debugDescription)")
      }
    }
  }

  private func expected(_ section: HeaderSection, _ filter: HeaderFieldFilter, _ text: String) -> [UInt8] {
    var result: [UInt8] = []
    for field in section where filter.takes(field.name) { result += field.bytes }
    if let last = result.last, last != ASCII.lf { result += [ASCII.cr, ASCII.lf] }
    return section.terminatorLength == 0 ? result : result + [ASCII.cr, ASCII.lf]
  }

  @Test func oneFilterWithinAnother() {
    let wide = HeaderFieldFilter(["To".bytes, "From".bytes], listed: true)
    #expect(HeaderFieldFilter(["FROM".bytes], listed: true).isWithin(wide))
    #expect(!HeaderFieldFilter(["From".bytes, "Date".bytes], listed: true).isWithin(wide))
    #expect(!HeaderFieldFilter(["From".bytes], listed: false).isWithin(wide))
    #expect(!wide.isWithin(HeaderFieldFilter(["From".bytes], listed: false)))
  }
}
