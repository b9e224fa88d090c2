internal import MailFlow

/// Where the bytes of an archive are: a part of the message, or an archive that was unpacked out of another one.
enum ArchiveBytes: Sendable {
  case part(PartReader)
  case unpacked([UInt8])

  mutating func size() async throws -> Int {
    switch self {
    case .part(var reader):
      let size = try await reader.measure()
      self = .part(reader)
      return size
    case .unpacked(let bytes): return bytes.count
    }
  }

  /// Up to `count` bytes from an offset; fewer at the end.
  mutating func bytes(from offset: Int, count: Int) async throws -> [UInt8] {
    switch self {
    case .part(var reader):
      let bytes = try await reader.bytes(from: offset, count: count)
      self = .part(reader)
      return bytes
    case .unpacked(let bytes): return Array(bytes.dropFirst(offset).prefix(count))
    }
  }
}

/// What is in zip archives, and once in archives in them.
///
///     directory ──▶ names, sizes ──▶ of each file: its own header ──▶ first bytes ──▶ an archive? ──▶ all of it, the same again
///
/// Whatever an archive says of itself, one number bounds what it costs: ``AttachmentReport/unpacked``.
extension AttachmentInspector {
  /// Files of one archive of which the first bytes are looked at.
  static let headLimit = 1_024
  /// Files of all archives whose names are looked at.
  static let nameLimit = 20_000
  /// Archives in archives that are looked into, of one message.
  static let innerArchiveLimit = 64
  /// Bytes of an archive in an archive.
  private static let innerLimit = 4_000_000
  /// Bytes of archives that are read and unpacked for one message, together: no bomb makes more.
  static let unpackLimit = 32 << 20
  /// Packed bytes that are read beyond as many as are wanted of a file: what cannot be packed grows a little.
  private static let packedMargin = 1_024

  private var room: Int { max(Self.unpackLimit - report.unpacked, 0) }

  private mutating func noteNoRoom() {
    report.add(.unreadable, "message", "there is more in its archives than is looked at")
  }

  /// - Parameter isInner: it was in another archive.
  mutating func inspectZip(_ archive: inout ArchiveBytes, _ name: String, isInner: Bool = false) async throws {
    let size = try await archive.size()
    let tailStart = max(size - ZipDirectory.tailLength, 0)
    let tail = try await archive.bytes(from: tailStart, count: size - tailStart)
    guard let place = ZipDirectory.place(in: tail, of: size), place.size <= ZipDirectory.sizeLimit else {
      return report.add(.unreadable, name, "it is a zip archive without a directory that can be read")
    }
    guard place.size <= room else { return noteNoRoom() }
    let directory = try await archive.bytes(from: place.offset, count: place.size)
    report.unpacked += directory.count
    let (entries, isComplete) = ZipDirectory.entries(directory, shift: place.shift)
    if !isComplete || entries.count < place.count {
      report.add(.unreadable, name, "the directory of the zip archive is damaged or too long")
    }
    judge(entries, of: name)
    var looked = 0
    // Folders and empty files hold nothing.
    for entry in entries where entry.size > 0 && entry.compressedSize > 0 && !entry.isEncrypted {
      guard looked < Self.headLimit else {
        return report.add(.unreadable, name, "only the first \(Self.headLimit) of its files are looked at")
      }
      guard room > 0 else { return noteNoRoom() }
      looked += 1
      try Task.checkCancellation()
      try await inspect(entry, in: name, &archive, isInner: isInner)
    }
  }

  // MARK: What the directory tells

  /// What names and numbers alone tell of an archive's files.
  private mutating func judge(_ entries: [ZipEntry], of name: String) {
    if entries.count > Self.nameLimit - names {
      report.add(.unreadable, "message", "its archives have more files than are looked at")
    }
    var (packed, size) = (0, 0)
    for entry in entries.prefix(Self.nameLimit - names) {
      names += 1
      let file = "\(name): \(entry.name)"
      if entry.isEncrypted { report.add(.encrypted, file, "it needs a password") }
      judgeName(entry.name, file: file)
      if Self.isMacroProject(entry.name) { report.add(.macros, name, "it is an Office file with macros") }
      (packed, size) = (packed + entry.compressedSize, size + entry.size)
    }
    if size > 100 << 20, size / 200 > packed {
      report.add(.unreadable, name, "it unpacks to \(size >> 20) MiB out of \(packed >> 10) KiB")
    }
    if ZipDirectory.overlap(entries) {
      report.add(.unreadable, name, "files of the archive share their bytes, as those of a bomb do")
    }
  }

  private static func isMacroProject(_ name: String) -> Bool {
    let lower = name.lowercased()
    return lower.hasSuffix("vbaproject.bin") || lower.hasSuffix("vbadata.xml") || lower.contains("xl/macrosheets/")
      || (lower.hasPrefix("basic/") && lower.hasSuffix(".xml") && !lower.hasSuffix("script-lc.xml"))
  }

  // MARK: One file

  private mutating func inspect(
    _ entry: ZipEntry, in name: String, _ archive: inout ArchiveBytes, isInner: Bool
  ) async throws {
    let file = "\(name): \(entry.name)"
    guard let packed = try await packed(entry, FileKind.headLength, &archive) else {
      return report.add(.unreadable, file, "the archive does not have it where its directory says")
    }
    guard let head = unpack(packed, entry.method, FileKind.headLength) else {
      return report.add(.unreadable, file, "it is packed in a way that is not known")
    }
    let isCalledArchive = FileEnding.archive.contains(FileEnding.of(entry.name))
    switch FileKind(head[...]) {
    case .zip where isCalledArchive && !isInner: try await inspectInner(entry, file, &archive)
    case .zip where isCalledArchive, .other where isCalledArchive && isInner:
      report.add(.unreadable, file, "archives in archives are looked into once")
    // A document of 2007 and later is a zip archive too: whether it has macros its name tells, or nothing does.
    case let kind: judge(kind, file: file, name: entry.name)
    }
  }

  private mutating func inspectInner(_ entry: ZipEntry, _ file: String, _ archive: inout ArchiveBytes) async throws {
    guard entry.size <= Self.innerLimit else {
      return report.add(.unreadable, file, "an archive in an archive is too large to be looked into")
    }
    guard innerArchives < Self.innerArchiveLimit else {
      return report.add(.unreadable, "message", "it has more than \(Self.innerArchiveLimit) archives in archives")
    }
    guard entry.size <= room else { return noteNoRoom() }
    innerArchives += 1
    let packed = try await packed(entry, entry.size, &archive) ?? []
    let bytes = unpack(packed, entry.method, entry.size) ?? []
    guard bytes.count == entry.size else {
      if room == 0 { return noteNoRoom() }
      return report.add(.unreadable, file, "it is an archive that is damaged")
    }
    var inner = ArchiveBytes.unpacked(bytes)
    try await inspectZip(&inner, file, isInner: true)
  }

  /// The packed bytes of a file, as many as are needed for so many of its own; `nil` where it is not.
  private mutating func packed(
    _ entry: ZipEntry, _ wanted: Int, _ archive: inout ArchiveBytes
  ) async throws -> ArraySlice<UInt8>? {
    let header = try await archive.bytes(from: entry.offset, count: ZipDirectory.localHeaderLength)
    report.unpacked += header.count
    guard let start = ZipDirectory.dataOffset(of: entry, localHeader: header) else { return nil }
    let count = min(entry.compressedSize, wanted + Self.packedMargin)
    let bytes = try await archive.bytes(from: start, count: min(count, max(room, 1)))
    report.unpacked += bytes.count
    return bytes.isEmpty ? nil : bytes[...]
  }

  /// The first bytes of a file, at most so many; `nil` where the method is not known.
  private mutating func unpack(_ packed: ArraySlice<UInt8>, _ method: UInt16, _ wanted: Int) -> [UInt8]? {
    let limit = min(wanted, room)
    let bytes: [UInt8]
    switch method {
    case 0: bytes = Array(packed.prefix(limit))
    case 8: bytes = Inflate.read(packed, limit: limit).bytes
    default: return nil
    }
    report.unpacked += bytes.count
    return bytes
  }
}
