internal import MailFlow
internal import Message

/// Looks at a message's attachments: names, first bytes, and what is in zip archives, archives in them once.
///
/// Everything is bounded: the parts that are looked at, the bytes of a directory, what is unpacked of one file and of all. What
/// exceeds a bound is reported as not to be looked into; nothing is reported as harmless because there was too much of it.
struct AttachmentInspector {
  /// Parts that are looked at.
  private static let partLimit = 200
  /// Files of one archive of which the first bytes are looked at.
  private static let headLimit = 64
  /// Bytes of an archive inside an archive.
  private static let innerLimit = 4 << 20
  /// Bytes that are unpacked for one message: no bomb makes more.
  private static let unpackLimit = 24 << 20

  private var report = AttachmentReport()
  private var unpacked = 0

  /// - Throws: what reading the content throws, and `CancellationError`.
  static func inspect(_ content: ReceivedContent) async throws -> AttachmentReport {
    var inspector = AttachmentInspector()
    var seen = 0
    for part in content.structure.parts where part.kind == .leaf || part.kind == .opaque {
      if part.kind == .opaque {
        inspector.report.add(.unreadable, "message", "it has more parts, or deeper ones, than are looked at")
        continue
      }
      guard needsLook(part) else { continue }
      seen += 1
      guard seen <= partLimit else {
        inspector.report.add(.unreadable, "message", "it has more than \(partLimit) attachments")
        break
      }
      try await inspector.inspect(part, content.body)
    }
    return inspector.report
  }

  /// Whether a message has parts that need a look.
  static func applies(to structure: MIMEStructure) -> Bool {
    structure.parts.contains { $0.kind == .opaque || ($0.kind == .leaf && needsLook($0)) }
  }

  /// Text without a name that says it is a file is no attachment.
  private static func needsLook(_ part: MIMEPart) -> Bool {
    !part.body.isEmpty && (!part.type.matches("text") || part.fileName != nil || part.disposition?.isAttachment == true)
  }

  private mutating func inspect(_ part: MIMEPart, _ body: ReceivedBody) async throws {
    let name = part.fileName ?? part.type.name
    judgeName(name, file: name)
    guard var reader = PartReader(part, body) else {
      return report.add(.unreadable, name, "nobody knows its encoding \(part.encoding.name)")
    }
    let head = try await reader.bytes(from: 0, count: FileKind.headLength)
    switch FileKind(head[...]) {
    case .zip: try await inspectZip(&reader, name)
    case .compound: try await inspectCompound(&reader, name, head)
    case let kind: judge(kind, file: name, name: name)
    }
  }

  // MARK: One file

  private mutating func judgeName(_ name: String, file: String) {
    let ending = FileEnding.of(name)
    if FileEnding.isDouble(name) {
      report.add(.executable, file, "its name hides the ending .\(ending) behind another one")
    } else if FileEnding.executable.contains(ending) {
      report.add(.executable, file, "a file that ends in .\(ending) runs when it is opened")
    } else if FileEnding.isTurned(name) {
      report.add(.executable, file, "its name changes the direction of writing, which hides its ending")
    } else if FileEnding.macro.contains(ending) {
      report.add(.macros, file, "a file that ends in .\(ending) has macros")
    }
  }

  private mutating func judge(_ kind: FileKind, file: String, name: String) {
    switch kind {
    case .program: report.add(.executable, file, "its first bytes are those of a program")
    case .script where FileEnding.of(name) != "txt": report.add(.executable, file, "its first line starts a script")
    case .shortcut: report.add(.executable, file, "it is a shortcut, which can start anything")
    case .archive(let format):
      report.add(.unreadable, file, "it is an archive of the format \(format), which is not looked into")
    case .script, .zip, .compound, .other: break
    }
  }

  private mutating func inspectCompound(_ reader: inout PartReader, _ name: String, _ head: [UInt8]) async throws {
    var copy = reader
    let file = try await CompoundFile.read(header: Array(head.prefix(CompoundFile.headerLength))) { offset, count in
      try await copy.bytes(from: offset, count: count)
    }
    reader = copy
    judge(file, name)
  }

  private mutating func judge(_ file: CompoundFile, _ name: String) {
    if file.hasMacros { report.add(.macros, name, "it is an Office file with macros") }
    if file.isEncrypted { report.add(.encrypted, name, "it is an Office file that needs a password") }
    if !file.isComplete { report.add(.unreadable, name, "its directory cannot be read") }
  }

  // MARK: Archives

  private mutating func inspectZip(_ reader: inout PartReader, _ name: String) async throws {
    let size = try await reader.measure()
    let tailStart = max(size - ZipDirectory.tailLength, 0)
    let tail = try await reader.bytes(from: tailStart, count: size - tailStart)
    guard let place = ZipDirectory.place(in: tail, of: size), place.size <= ZipDirectory.sizeLimit else {
      return report.add(.unreadable, name, "it is a zip archive without a directory that can be read")
    }
    let directory = try await reader.bytes(from: place.offset, count: place.size)
    let (entries, isComplete) = ZipDirectory.entries(directory, shift: place.shift)
    if !isComplete || entries.count < place.count {
      report.add(.unreadable, name, "the directory of the zip archive is damaged or too long")
    }
    judge(entries, of: name)
    var looked = 0
    for entry in entries where Self.deservesLook(entry) && !entry.isEncrypted {
      let isInner = FileEnding.archive.contains(FileEnding.of(entry.name))
      guard isInner || looked < Self.headLimit else { continue }
      looked += 1
      let wanted = isInner ? Self.innerLimit : FileKind.headLength
      let header = try await reader.bytes(from: entry.offset, count: ZipDirectory.localHeaderLength)
      guard let start = ZipDirectory.dataOffset(of: entry, localHeader: header) else {
        report.add(.unreadable, "\(name): \(entry.name)", "the archive does not have it where its directory says")
        continue
      }
      let packed = try await reader.bytes(from: start, count: min(entry.compressedSize, wanted + 1024))
      inspect(packed[...], entry, in: name, isInner: isInner)
    }
  }

  /// Folders and empty files hold nothing; of pictures and the like inside documents there are many, and only their first
  /// bytes would be looked at.
  private static func deservesLook(_ entry: ZipEntry) -> Bool { entry.size > 0 && entry.compressedSize > 0 }

  /// What names and numbers alone tell of an archive's files.
  private mutating func judge(_ entries: [ZipEntry], of name: String) {
    var (packed, size) = (0, 0)
    for entry in entries {
      let file = "\(name): \(entry.name)"
      if entry.isEncrypted { report.add(.encrypted, file, "it needs a password") }
      judgeName(entry.name, file: file)
      if Self.isMacroProject(entry.name) { report.add(.macros, name, "it is an Office file with macros") }
      (packed, size) = (packed + entry.compressedSize, size + entry.size)
    }
    if size > 100 << 20, size / 200 > packed {
      report.add(.unreadable, name, "it unpacks to \(size >> 20) MiB out of \(packed >> 10) KiB")
    }
  }

  private static func isMacroProject(_ name: String) -> Bool {
    let lower = name.lowercased()
    return lower.hasSuffix("vbaproject.bin") || lower.hasSuffix("vbadata.xml") || lower.contains("xl/macrosheets/")
      || (lower.hasPrefix("basic/") && lower.hasSuffix(".xml") && !lower.hasSuffix("script-lc.xml"))
  }

  /// The first bytes of a file in an archive, and the whole of an archive in it.
  private mutating func inspect(_ packed: ArraySlice<UInt8>, _ entry: ZipEntry, in name: String, isInner: Bool) {
    let file = "\(name): \(entry.name)"
    guard let bytes = unpack(packed, entry.method, limit: isInner ? Self.innerLimit : FileKind.headLength) else {
      return report.add(.unreadable, file, "it is packed in a way that is not known")
    }
    switch FileKind(bytes.prefix(FileKind.headLength)) {
    case .zip where isInner && bytes.count >= entry.size: inspectInner(bytes, file)
    case .zip where isInner: report.add(.unreadable, file, "an archive in an archive is too large to be looked into")
    case .zip where !FileEnding.of(entry.name).isEmpty:
      // A document of 2007 and later inside an archive: whether it has macros its name tells, or nothing does.
      break
    case let kind: judge(kind, file: file, name: entry.name)
    }
  }

  /// `nil` where the method is not known. Counts what it unpacks; nothing comes out once that is too much.
  private mutating func unpack(_ packed: ArraySlice<UInt8>, _ method: UInt16, limit: Int) -> [UInt8]? {
    let room = min(limit, Self.unpackLimit - unpacked)
    guard room > 0 else {
      report.add(.unreadable, "message", "its archives unpack to more than is looked at")
      return []
    }
    switch method {
    case 0: return Array(packed.prefix(room))
    case 8:
      let bytes = Inflate.read(packed, limit: room).bytes
      unpacked += bytes.count
      return bytes
    default: return nil
    }
  }

  /// An archive in an archive is looked into once; one in that is reported.
  private mutating func inspectInner(_ bytes: [UInt8], _ name: String) {
    let tail = Array(bytes.suffix(ZipDirectory.tailLength))
    guard let place = ZipDirectory.place(in: tail, of: bytes.count), place.size <= ZipDirectory.sizeLimit else {
      return report.add(.unreadable, name, "it is a zip archive without a directory that can be read")
    }
    let (entries, isComplete) = ZipDirectory.entries(
      Array(bytes[place.offset..<(place.offset + place.size)]), shift: place.shift)
    if !isComplete { report.add(.unreadable, name, "the directory of the zip archive is damaged or too long") }
    judge(entries, of: name)
    for entry in entries where FileEnding.archive.contains(FileEnding.of(entry.name)) {
      report.add(.unreadable, "\(name): \(entry.name)", "archives in archives are looked into once")
    }
    for entry in entries.prefix(Self.headLimit) where Self.deservesLook(entry) && !entry.isEncrypted {
      let header = Array(bytes.dropFirst(entry.offset).prefix(ZipDirectory.localHeaderLength))
      guard let start = ZipDirectory.dataOffset(of: entry, localHeader: header), start <= bytes.count else { continue }
      let packed = bytes[start...].prefix(min(entry.compressedSize, FileKind.headLength))
      guard let head = unpack(packed, entry.method, limit: FileKind.headLength) else { continue }
      judge(FileKind(head[...]), file: "\(name): \(entry.name)", name: entry.name)
    }
  }
}
