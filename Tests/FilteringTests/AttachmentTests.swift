import Message
import Testing

@testable import Filtering
@testable import MailFlow

@Suite("Attachments") struct AttachmentTests {
  private func dangers(_ content: ReceivedContent) async throws -> Set<AttachmentReport.Danger> {
    Set(try await AttachmentInspector.inspect(content).findings.map(\.danger))
  }

  @Test func deflatedDataComesBack() {
    #expect(Inflate.read(Deflated.fixed[...], limit: 1000).bytes == Array("abcabcabcabc hello hello".utf8))
    #expect(Inflate.read(Deflated.stored[...], limit: 1000).bytes == Array("stored as it is".utf8))
    #expect(Inflate.read(Deflated.words[...], limit: 1 << 20).bytes == Array(Deflated.wordsText.utf8))
    let text = Inflate.read(Deflated.text[...], limit: 1 << 20)
    #expect(text.end == .complete && text.bytes.count == 53 * 40 + 768)
    #expect(text.bytes.suffix(256) == [UInt8](0...255)[...])
  }

  @Test func aBombStopsAtTheLimit() {
    let (bytes, end) = Inflate.read(Deflated.zeros[...], limit: 5000)
    #expect(bytes.count == 5000 && end == .limit)
    #expect(Inflate.read([0xFF, 0xFF, 0xFF][...], limit: 100).end == .damaged)
    #expect(Inflate.read(Deflated.words.dropLast(20), limit: 1 << 20).end == .damaged)
  }

  @Test func namesTell() {
    #expect(FileEnding.of("a.EXE. ") == "exe")
    #expect(FileEnding.isDouble("invoice.pdf.exe") && FileEnding.isDouble("photo.jpg      .scr"))
    #expect(!FileEnding.isDouble("setup.exe") && !FileEnding.isDouble("archive.tar.gz"))
    #expect(FileEnding.isTurned("annex\u{202E}fdp.exe"))
    #expect(FileEnding.of("noending") == "")
  }

  @Test func firstBytesTell() {
    #expect(FileKind([0x4D, 0x5A] + [UInt8](repeating: 0, count: 100)) == .program)
    #expect(
      FileKind(Array("MZ is how this letter begins, and it goes on for more than sixty-four characters.".utf8)[...])
        == .other)
    #expect(FileKind(Array("#!/bin/sh\n".utf8)[...]) == .script)
    #expect(FileKind(Archives.clean[...]) == .zip)
    #expect(FileKind([]) == .other)
  }

  @Test func programsAreFoundByNameByBytesAndInArchives() async throws {
    let program = [0x7F] + Array("ELF".utf8) + [UInt8](repeating: 0, count: 60)
    #expect(try await dangers(Content.attached(program, name: "holiday.jpg")) == [.executable])
    #expect(try await dangers(Content.attached([1, 2, 3], name: "run.js")) == [.executable])
    #expect(try await dangers(Content.attached(Archives.program, name: "files.zip")) == [.executable])
    #expect(try await dangers(Content.attached(Archives.disguised, name: "files.zip")) == [.executable])
    #expect(try await dangers(Content.attached(Archives.nested, name: "files.dat")) == [.executable])
    #expect(try await dangers(Content.attached(Archives.clean, name: "files.zip")).isEmpty)
    #expect(try await dangers(Content.attached(Array("%PDF-1.4".utf8), name: "a.pdf")).isEmpty)
  }

  @Test func macrosAndPasswordsAreFound() async throws {
    #expect(try await dangers(Content.attached(Archives.macros, name: "letter.docx")) == [.macros])
    #expect(try await dangers(Content.attached(Archives.encrypted, name: "files.zip")) == [.encrypted])
    #expect(try await dangers(Content.attached([1], name: "sheet.xlsm")) == [.macros])
    #expect(
      try await dangers(Content.attached(Compound.file(["WordDocument", "Macros", "VBA"]), name: "a.doc")) == [.macros])
    #expect(try await dangers(Content.attached(Compound.file(["EncryptedPackage"]), name: "a.docx")) == [.encrypted])
    #expect(try await dangers(Content.attached(Compound.file(["WordDocument"]), name: "a.doc")).isEmpty)
  }

  @Test func whatCannotBeLookedIntoIsTold() async throws {
    #expect(try await dangers(Content.attached(Archives.nestedTwice, name: "files.zip")) == [.unreadable])
    #expect(try await dangers(Content.attached(Array(Archives.clean.dropLast(10)), name: "a.zip")) == [.unreadable])
    #expect(try await dangers(Content.attached(Array("Rar!\u{1A}\u{7}\u{1}".utf8), name: "a.rar")) == [.unreadable])
    // A directory that says what is not so.
    var lies = Archives.clean
    let place = try #require(ZipDirectory.place(in: lies, of: lies.count))
    for offset in 24..<28 { lies[place.offset + offset] = 0x7F }
    #expect(try await dangers(Content.attached(lies, name: "a.zip")) == [.unreadable])
  }

  @Test func aProgramInFrontOfAnArchiveDoesNotHideIt() async throws {
    let shifted =
      Array("MZ not a program, only text in front of the archive, sixty-four characters long....".utf8)
      + Archives.program
    let place = try #require(ZipDirectory.place(in: shifted, of: shifted.count))
    let entries = ZipDirectory.entries(Array(shifted[place.offset..<(place.offset + place.size)]), shift: place.shift)
    #expect(entries.entries.map(\.name) == ["readme.txt", "tools/setup.exe"])
  }

  @Test func aPartIsReadFromAnywhere() async throws {
    let bytes = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
    let content = Content.attached(bytes, name: "large.bin")
    var reader = try #require(PartReader(content.structure.parts[2], content.body))
    #expect(try await reader.measure() == bytes.count)
    for offset in [0, 1, 255_999, 1_000_000, 700_123, 1_499_990, 2_000_000] {
      let wanted = bytes.dropFirst(offset).prefix(5000)
      #expect(try await reader.bytes(from: offset, count: 5000) == Array(wanted))
    }
  }

  /// What follows the part in the body is another part's.
  @Test(arguments: ["7bit", "base64", "quoted-printable"])
  func aPartIsReadToItsEndAndNoFurther(_ encoding: String) async throws {
    let own = String(repeating: "QUJD", count: 30_000)
    let content = Content.received(
      """
      Content-Type: multipart/mixed; boundary=b

      --b
      Content-Type: application/x-thing
      Content-Transfer-Encoding: \(encoding)

      \(own)
      --b
      Content-Type: application/x-thing

      \(String(repeating: "SECRET", count: 20_000))
      --b--

      """)
    let part = content.structure.parts[1]
    let whole = encoding == "base64" ? Array(String(repeating: "ABC", count: 30_000).utf8) : Array(own.utf8)
    var reader = try #require(PartReader(part, content.body))
    // Before it is known where the end is, and afterwards.
    for offset in [0, whole.count - 1, whole.count, whole.count + 1, 1 << 40, 100_000 % whole.count, 0] {
      #expect(try await reader.bytes(from: offset, count: 1 << 20) == Array(whole.dropFirst(offset)))
    }
    #expect(try await reader.measure() == whole.count)
    #expect(try await reader.bytes(from: 5, count: 7) == Array(whole[5..<12]))
  }

  /// Forwards, backwards and across what was decoded last.
  @Test func readingGoesOnWhereItWas() async throws {
    let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
    let content = Content.attached(bytes, name: "large.bin")
    var reader = try #require(PartReader(content.structure.parts[2], content.body))
    var offset = 0
    while offset < bytes.count {
      #expect(try await reader.bytes(from: offset, count: 30) == Array(bytes.dropFirst(offset).prefix(30)))
      #expect(
        try await reader.bytes(from: offset + 30, count: 5_000) == Array(bytes.dropFirst(offset + 30).prefix(5_000)))
      offset += 23_456
    }
    for offset in stride(from: 690_000, through: 0, by: -57_000) {
      #expect(try await reader.bytes(from: offset, count: 40_000) == Array(bytes.dropFirst(offset).prefix(40_000)))
    }
  }

  @Test func treatmentsFollowTheConfiguration() async throws {
    let message = try Content.judged(Content.attached([1], name: "run.exe"))
    let outside = await AttachmentCheck().examine(message)
    #expect(outside.common.demands.map(\.weight) == [2])
    let own = try Content.judged(Content.attached([1], name: "run.exe"), origin: .submission)
    #expect(await AttachmentCheck().examine(own).common.demands.isEmpty)
    #expect(!AttachmentCheck().applies(to: try Content.judged(Content.received("Subject: x\n\nhello\n"))))
  }
}

/// OLE2 compound files with nothing in them but names.
enum Compound {
  static func file(_ names: [String]) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) } }
    var header: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1] + [UInt8](repeating: 0, count: 22)
    header += [9, 0, 6, 0] + [UInt8](repeating: 0, count: 14)  // at 30: sectors of 512 bytes
    header += number(1) + [UInt8](repeating: 0, count: 12)  // at 48: the directory begins in sector 1
    header += [UInt8](repeating: 0, count: 76 - header.count)
    header += number(0) + [UInt8](repeating: 0xFF, count: 512 - 80)  // at 76: the table is sector 0
    // Sector 0 is the table itself, the directory ends in sector 1.
    let table = number(0xFFFF_FFFD) + number(0xFFFF_FFFE) + [UInt8](repeating: 0xFF, count: 512 - 8)
    var directory: [UInt8] = []
    for name in ["Root Entry"] + names {
      var entry = name.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
      let length = entry.count + 2
      entry += [UInt8](repeating: 0, count: 64 - entry.count) + [UInt8(length), 0]
      directory += entry + [UInt8](repeating: 0, count: 128 - entry.count)
    }
    return header + table + directory + [UInt8](repeating: 0, count: 512 - directory.count)
  }
}
