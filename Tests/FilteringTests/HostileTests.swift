import Message
import Testing

@testable import Filtering
@testable import MailFlow

/// What no honest program writes: the answer is bounded, and it is an answer.
@Suite("Hostile content") struct HostileTests {
  private func tokens(_ content: ReceivedContent) async throws -> [UInt64] { try await Tokenizer.tokens(of: content) }

  @Test func tenThousandParts() async throws {
    let part = "--b\nContent-Type: application/octet-stream; name=a.bin\nContent-Transfer-Encoding: base64\n\nTVo=\n"
    let content = Content.received(
      "Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: part, count: 10_500) + "--b--\n")
    #expect(try await tokens(content).count < TokenSet.limit)
    let report = try await AttachmentInspector.inspect(content)
    #expect(report.first(.unreadable) != nil && report.findings.count <= 20)
  }

  @Test func aThousandLevels() async throws {
    var text = ""
    for level in 0..<1000 { text += "Content-Type: multipart/mixed; boundary=b\(level)\n\n--b\(level)\n" }
    let content = Content.received(text + "Content-Type: text/plain\n\nthe deepest words\n")
    #expect(try await !tokens(content).isEmpty)
    #expect(try await AttachmentInspector.inspect(content).findings.count <= 20)
  }

  @Test func manyAndLongHeaderFields() async throws {
    let many = Content.received(
      (0..<10_000).map { "X-Field-\($0): words \($0)\n" }.joined() + "\nbody\n")
    #expect(try await tokens(many).count <= TokenSet.limit)
    let long = Content.received("Subject: " + String(repeating: "word ", count: 200_000) + "\n\nbody\n")
    #expect(try await tokens(long).count < 50)
  }

  @Test func brokenEncodingsAndCharacterSets() async throws {
    for (charset, encoding) in [
      ("utf-16", "base64"), ("utf-7", "quoted-printable"), ("iso-2022-jp", "8bit"), ("no-such-set", "base64"),
      ("utf-8", "no-such-encoding"), ("gb18030", "quoted-printable"),
    ] {
      let content = Content.received(
        "Content-Type: text/html; charset=\(charset)\nContent-Transfer-Encoding: \(encoding)\n\n"
          + "=XY=\u{0}=4 <a href=http://\u{0}x &#99999999999; \u{1B}$B!! +AGE- ****TVo=== \n<!-- <b\n")
      #expect(try await tokens(content).count <= TokenSet.limit)
    }
    let attached = Content.received(
      "Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\nUEsDBBQA****AA==\u{0}=UEsFBg\n")
    #expect(try await AttachmentInspector.inspect(attached).first(.unreadable) != nil)
    let unknown = Content.received("Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: uu\n\nx\n")
    #expect(try await AttachmentInspector.inspect(unknown).first(.unreadable) != nil)
  }

  /// An archive whose every file is the same bytes: what is unpacked has a bound however often they are named.
  @Test func anArchiveThatNamesOneFileAgainAndAgain() async throws {
    let report = try await AttachmentInspector.inspect(Content.attached(Self.repeated(), name: "a.zip"))
    #expect(report.first(.executable) != nil && report.findings.count <= 20)
    #expect(report.first(.unreadable) != nil)
    #expect(report.unpacked <= AttachmentInspector.unpackLimit)
  }

  /// 2,000 files that are the same MiB, as it is or packed, each an archive: read once more for each they would be 4 GB.
  @Test(arguments: [UInt16(0), 8])
  func aBombOfOverlappingArchives(_ method: UInt16) async throws {
    let inner = Zip.archive([Zip.File("x.bin", [UInt8](repeating: 0x20, count: 1 << 20))])
    let bomb = Zip.archive((0..<2000).map { Zip.File("\($0).zip", inner, method: method) }, overlapping: true)
    let start = ContinuousClock.now
    let report = try await AttachmentInspector.inspect(Content.attached(bomb, name: "a.zip"))
    #expect(ContinuousClock.now - start < .seconds(60))
    #expect(report.findings.contains { $0.reason.contains("share their bytes") }, "\(report.findings)")
    #expect(report.findings.contains { $0.reason.contains("more in its archives") }, "\(report.findings)")
    #expect(report.unpacked <= AttachmentInspector.unpackLimit + 2 * FileKind.headLength)
  }

  @Test func soManyArchivesInArchivesAndNoMore() async throws {
    let inner = Zip.archive([Zip.File("a.txt", Array("hello".utf8))])
    func report(_ count: Int) async throws -> AttachmentReport {
      let zip = Zip.archive((0..<count).map { Zip.File("\($0).zip", inner) })
      return try await AttachmentInspector.inspect(Content.attached(zip, name: "a.zip"))
    }
    #expect(try await report(AttachmentInspector.innerArchiveLimit).findings.isEmpty)
    let more = try await report(AttachmentInspector.innerArchiveLimit + 1)
    #expect(more.findings.map(\.danger) == [.unreadable])
    #expect(more.findings.first?.reason.contains("more than 64 archives in archives") == true)
  }

  /// Whatever is not looked at is told.
  @Test func boundsAreFindings() async throws {
    func reasons(_ zip: [UInt8]) async throws -> String {
      try await AttachmentInspector.inspect(Content.attached(zip, name: "a.zip")).findings.map(\.reason).joined()
    }
    let file = Array("hello".utf8)
    let many = (0...AttachmentInspector.headLimit).map { Zip.File("\($0).txt", file) }
    #expect(try await reasons(Zip.archive(many)).contains("only the first"))
    #expect(try await reasons(Zip.archive(Array(many.dropLast()))).isEmpty)
    #expect(try await reasons(Zip.archive([Zip.File("inner.zip", Zip.archive(many))])).contains("only the first"))
    let strange = Zip.archive([Zip.File("a.txt", file, method: 98)])
    #expect(try await reasons(strange).contains("a way that is not known"))
    #expect(try await reasons(Zip.archive([Zip.File("inner.zip", strange)])).contains("a way that is not known"))
    let large = Zip.archive([Zip.File("a.bin", [UInt8](repeating: 7, count: 5 << 20))])
    #expect(try await reasons(Zip.archive([Zip.File("inner.zip", large)])).contains("too large"))
  }

  private static func repeated() -> [UInt8] {
    let zip = Archives.program
    guard let place = ZipDirectory.place(in: zip, of: zip.count) else { return [] }
    let directory = Array(zip[place.offset..<(place.offset + place.size)])
    let many = (0..<2000).flatMap { _ in directory }
    var bomb = Array(zip[..<place.offset]) + many
    let size = UInt32(many.count)
    bomb += [0x50, 0x4B, 5, 6, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
    bomb += [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: size >> $0) }
    return bomb + [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: UInt32(place.offset) >> $0) } + [0, 0]
  }

  /// 25 MiB in one part: what is held is a few pieces, whatever the part's size.
  @Test func aLargePartIsReadInPieces() async throws {
    let header = HeaderSection(Array("Content-Type: application/zip; name=a.zip\r\n\r\n".utf8))
    let bytes = [UInt8](repeating: 0x50, count: 25 << 20)
    let content = ReceivedContent(
      header: header, structure: MIMEScanner.scan(header: header, body: bytes[...]),
      body: ReceivedBody(place: .memory([bytes]), size: bytes.count, hash: [], share: nil), hash: [])
    var reader = try #require(PartReader(content.structure.top, content.body))
    #expect(try await reader.measure() == bytes.count)
    #expect(try await reader.bytes(from: bytes.count - 10, count: 100).count == 10)
    #expect(try await reader.bytes(from: 20 << 20, count: 1 << 30).count == 4 << 20)
  }
}
