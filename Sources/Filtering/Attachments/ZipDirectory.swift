/// One file of a zip archive, as the archive's directory tells.
struct ZipEntry: Equatable, Sendable {
  /// The name as it stands; a stranger's text.
  var name: String
  var isEncrypted: Bool
  /// 0 is stored, 8 deflated.
  var method: UInt16
  var compressedSize: Int
  var size: Int
  /// Where its own header is, from the beginning of the archive.
  var offset: Int
}

/// The directory at a zip archive's end (APPNOTE.TXT §4.3.12, §4.3.16), read within bounds. Total.
struct ZipDirectory: Equatable, Sendable {
  /// Bytes at the archive's end in which its end record is: the record, and the longest comment.
  static let tailLength = 22 + 65_535
  /// A larger directory is not read.
  static let sizeLimit = 1 << 20
  /// Files that are looked at.
  static let entryLimit = 4_096
  private static let nameLimit = 1_000

  /// Where the directory is.
  struct Place: Equatable, Sendable {
    var offset: Int
    var size: Int
    var count: Int
    /// Bytes in front of the archive that its own offsets do not count: a program that unpacks itself.
    var shift: Int
  }

  /// Finds the end record in the last bytes of an archive; `nil` where there is none, or one that leads nowhere.
  ///
  /// - Parameter size: the whole archive's.
  static func place(in tail: [UInt8], of size: Int) -> Place? {
    guard tail.count >= 22, size >= tail.count else { return nil }
    let start = size - tail.count
    for position in (0...(tail.count - 22)).reversed() where tail[position] == 0x50 {
      guard LittleEndian.uint32(tail, at: position) == 0x0605_4B50,
        let count = LittleEndian.uint16(tail, at: position + 10),
        let length = LittleEndian.uint32(tail, at: position + 12),
        let offset = LittleEndian.uint32(tail, at: position + 16)
      else { continue }
      // 0xFFFF… means that another record has the numbers (zip64): nothing that comes by mail needs it.
      guard length != .max, offset != .max else { return nil }
      let end = start + position
      let shift = end - Int(length) - Int(offset)
      guard Int(length) <= end, shift >= 0 else { continue }
      return Place(offset: end - Int(length), size: Int(length), count: Int(count), shift: shift)
    }
    return nil
  }

  /// The files that a directory names, and whether all of it could be read.
  static func entries(_ bytes: [UInt8], shift: Int = 0) -> (entries: [ZipEntry], isComplete: Bool) {
    var entries: [ZipEntry] = []
    var position = 0
    while position < bytes.count {
      guard entries.count < entryLimit, LittleEndian.uint32(bytes, at: position) == 0x0201_4B50,
        let flags = LittleEndian.uint16(bytes, at: position + 8),
        let method = LittleEndian.uint16(bytes, at: position + 10),
        let compressed = LittleEndian.uint32(bytes, at: position + 20),
        let size = LittleEndian.uint32(bytes, at: position + 24),
        let nameLength = LittleEndian.uint16(bytes, at: position + 28),
        let extraLength = LittleEndian.uint16(bytes, at: position + 30),
        let commentLength = LittleEndian.uint16(bytes, at: position + 32),
        let offset = LittleEndian.uint32(bytes, at: position + 42)
      else { return (entries, false) }
      let nameEnd = position + 46 + Int(nameLength)
      guard nameEnd <= bytes.count else { return (entries, false) }
      let name = bytes[(position + 46)..<nameEnd].suffix(nameLimit)
      entries.append(
        ZipEntry(
          name: String(decoding: name, as: UTF8.self), isEncrypted: flags & 1 == 1 || method == 99, method: method,
          compressedSize: Int(compressed), size: Int(size), offset: Int(offset) + shift))
      position = nameEnd + Int(extraLength) + Int(commentLength)
    }
    return (entries, true)
  }

  /// Whether two files share bytes of the archive. No honest archive has such; one of a few KiB that unpacks to gigabytes is
  /// made so.
  static func overlap(_ entries: [ZipEntry]) -> Bool {
    var end = 0
    for entry in entries.sorted(by: { $0.offset < $1.offset }) {
      if entry.offset < end { return true }
      end = entry.offset + localHeaderLength + entry.compressedSize
    }
    return false
  }

  /// Bytes of a file's own header before its name.
  static let localHeaderLength = 30

  /// Where a file's data begins, by its own header; `nil` where there is none.
  static func dataOffset(of entry: ZipEntry, localHeader: [UInt8]) -> Int? {
    guard LittleEndian.uint32(localHeader, at: 0) == 0x0403_4B50,
      let nameLength = LittleEndian.uint16(localHeader, at: 26),
      let extraLength = LittleEndian.uint16(localHeader, at: 28)
    else { return nil }
    return entry.offset + localHeaderLength + Int(nameLength) + Int(extraLength)
  }
}
