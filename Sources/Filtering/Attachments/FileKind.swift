/// What a file really is, by its first bytes.
enum FileKind: Equatable, Sendable {
  /// A program of Windows (MZ), Linux (ELF), macOS (Mach-O), or of a Java machine.
  case program
  /// A script that a system starts by its first line.
  case script
  /// A shortcut of Windows, which can start anything.
  case shortcut
  case zip
  /// An archive that is not looked into, with its name.
  case archive(String)
  /// OLE2: Word, Excel and PowerPoint before 2007, Outlook's messages, installers.
  case compound
  case other

  /// Bytes of a file's beginning that are enough to tell.
  static let headLength = 4096

  init(_ head: ArraySlice<UInt8>) {
    func begins(_ bytes: [UInt8]) -> Bool { head.starts(with: bytes) }
    self =
      switch true {
      case begins([0x50, 0x4B, 0x03, 0x04]), begins([0x50, 0x4B, 0x05, 0x06]), begins([0x50, 0x4B, 0x07, 0x08]): .zip
      case begins([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]): .compound
      case begins([0x4D, 0x5A]) && FileKind.isWindowsProgram(head): .program
      case begins([0x7F, 0x45, 0x4C, 0x46]): .program
      case begins([0xFE, 0xED, 0xFA, 0xCE]), begins([0xFE, 0xED, 0xFA, 0xCF]), begins([0xCE, 0xFA, 0xED, 0xFE]),
        begins([0xCF, 0xFA, 0xED, 0xFE]), begins([0xCA, 0xFE, 0xBA, 0xBE]):
        .program
      case begins([0x23, 0x21, 0x2F]), begins([0x23, 0x21, 0x20, 0x2F]): .script
      case begins([0x4C, 0, 0, 0, 0x01, 0x14, 0x02, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46]): .shortcut
      case begins(Array("Rar!\u{1A}\u{7}".utf8)): .archive("RAR")
      case begins([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]): .archive("7z")
      case begins([0x1F, 0x8B]): .archive("gzip")
      case begins(Array("BZh".utf8)): .archive("bzip2")
      case begins([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]): .archive("xz")
      case begins([0x28, 0xB5, 0x2F, 0xFD]): .archive("zstd")
      case begins(Array("MSCF".utf8)): .archive("cabinet")
      case begins(Array("**ACE**".utf8)) || head.dropFirst(7).starts(with: Array("**ACE**".utf8)): .archive("ACE")
      case begins([0x60, 0xEA]): .archive("ARJ")
      default: .other
      }
  }

  /// `MZ` alone may begin any text: the header that it points to counts where it is in reach.
  private static func isWindowsProgram(_ head: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(head)
    guard bytes.count >= 64 else { return false }
    let place = Int(LittleEndian.uint32(bytes, at: 60) ?? 0)
    guard place + 2 <= bytes.count else { return place < 1 << 24 && bytes[2...].prefix(30).contains(0) }
    let mark = bytes[place..<(place + 2)]
    return [Array("PE".utf8), Array("NE".utf8), Array("LE".utf8), Array("LX".utf8)].contains { mark.elementsEqual($0) }
      || bytes[2...].prefix(30).contains(0)
  }
}

/// Numbers in files of small machines.
enum LittleEndian {
  static func uint16(_ bytes: [UInt8], at offset: Int) -> UInt16? {
    guard offset >= 0, offset <= bytes.count - 2 else { return nil }
    return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }

  static func uint32(_ bytes: [UInt8], at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= bytes.count - 4 else { return nil }
    return (0..<4).reversed().reduce(0) { $0 << 8 | UInt32(bytes[offset + $1]) }
  }
}
