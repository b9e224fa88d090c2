/// The directory of an OLE2 compound file ([MS-CFB] §2.6): what Word, Excel and PowerPoint wrote before 2007. Only names are
/// read, to see whether there are macros, or an encrypted package.
///
/// Total, and bounded: at most ``sectorLimit`` sectors of the directory are read, wherever its chain leads.
struct CompoundFile: Equatable, Sendable {
  static let headerLength = 512
  private static let sectorLimit = 256
  private static let endOfChain: UInt32 = 0xFFFF_FFFA

  /// Names of storages and streams, as far as they could be read.
  private(set) var names: Set<String> = []
  /// Whether the whole directory was read.
  private(set) var isComplete = false

  /// [MS-OVBA] §2.2.1: a project of macros is a storage with these names in it.
  var hasMacros: Bool {
    names.contains { $0 == "VBA" || $0 == "_VBA_PROJECT" || $0 == "_VBA_PROJECT_CUR" || $0 == "MACROS" }
  }

  /// [MS-OFFCRYPTO] §2.3.4: a document of 2007 and later that needs a password is put into a compound file.
  var isEncrypted: Bool { names.contains("ENCRYPTEDPACKAGE") || names.contains("ENCRYPTIONINFO") }

  /// An Outlook message or a package object.
  var hasPackage: Bool { names.contains("\u{1}OLE10NATIVE") || names.contains("PACKAGE") }

  /// - Parameter read: gives up to so many bytes from an offset.
  static func read(
    header: [UInt8], _ read: (_ offset: Int, _ count: Int) async throws -> [UInt8]
  ) async rethrows -> CompoundFile {
    var file = CompoundFile()
    guard let shift = LittleEndian.uint16(header, at: 30), shift == 9 || shift == 12,
      var sector = LittleEndian.uint32(header, at: 48)
    else { return file }
    let size = 1 << Int(shift)
    var seen: Set<UInt32> = []
    while sector < endOfChain {
      guard seen.count < sectorLimit, seen.insert(sector).inserted else { return file }
      let bytes = try await read((Int(sector) + 1) * size, size)
      guard bytes.count == size else { return file }
      file.takeNames(bytes)
      guard let next = try await follow(sector, header, size, read) else { return file }
      sector = next
    }
    file.isComplete = true
    return file
  }

  /// The sector behind another one, by the allocation table. Only tables that the header itself names are looked at: the
  /// first 109, which is 6.8 MiB of a file with small sectors.
  private static func follow(
    _ sector: UInt32, _ header: [UInt8], _ size: Int, _ read: (Int, Int) async throws -> [UInt8]
  ) async rethrows -> UInt32? {
    let entries = size / 4
    let table = Int(sector) / entries
    guard table < 109, let place = LittleEndian.uint32(header, at: 76 + table * 4), place < endOfChain else {
      return nil
    }
    let bytes = try await read((Int(place) + 1) * size + Int(sector) % entries * 4, 4)
    return LittleEndian.uint32(bytes, at: 0)
  }

  private mutating func takeNames(_ sector: [UInt8]) {
    for entry in stride(from: 0, to: sector.count - 127, by: 128) {
      guard let length = LittleEndian.uint16(sector, at: entry + 64), (2...64).contains(length) else { continue }
      var units: [UInt16] = []
      for index in 0..<(Int(length) / 2 - 1) {
        if let unit = LittleEndian.uint16(sector, at: entry + index * 2) { units.append(unit) }
      }
      names.insert(String(decoding: units, as: UTF16.self).uppercased())
    }
  }
}
