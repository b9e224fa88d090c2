/// The directory of an OLE2 compound file ([MS-CFB] §2.6): what Word, Excel and PowerPoint wrote before 2007. Only names are
/// read, to see whether there are macros, or an encrypted package.
///
/// Total, and bounded: at most ``sectorLimit`` sectors of the directory are read, wherever its chain leads.
struct CompoundFile: Equatable, Sendable {
  static let headerLength = 512
  private static let sectorLimit = 256
  private static let endOfChain: UInt32 = 0xFFFF_FFFA

  /// Names of storages and streams, as far as they could be read.
  fileprivate(set) var names: Set<String> = []
  /// Whether the whole directory was read.
  fileprivate(set) var isComplete = false

  /// [MS-OVBA] §2.2.1: a project of macros is a storage with these names in it.
  var hasMacros: Bool {
    names.contains { $0 == "VBA" || $0 == "_VBA_PROJECT" || $0 == "_VBA_PROJECT_CUR" || $0 == "MACROS" }
  }

  /// [MS-OFFCRYPTO] §2.3.4: a document of 2007 and later that needs a password is put into a compound file.
  var isEncrypted: Bool { names.contains("ENCRYPTEDPACKAGE") || names.contains("ENCRYPTIONINFO") }

  /// - Parameter read: gives up to so many bytes from an offset.
  static func read(
    header: [UInt8], _ read: (_ offset: Int, _ count: Int) async throws -> [UInt8]
  ) async rethrows -> CompoundFile {
    var walk = Walk(header: header)
    while let (offset, count) = walk.wanted { walk.take(try await read(offset, count)) }
    return walk.file
  }

  /// Reads a file that is at hand; says how many bytes were looked at.
  static func readAtOnce(_ bytes: [UInt8], looked: (Int) -> Void = { _ in }) -> CompoundFile {
    var walk = Walk(header: Array(bytes.prefix(headerLength)))
    while let (offset, count) = walk.wanted {
      looked(count)
      walk.take(Array(bytes.dropFirst(offset).prefix(count)))
    }
    return walk.file
  }

  /// The way along the directory: says which bytes it wants to see, and takes them.
  ///
  ///     sector of the directory ──▶ its place in the allocation table ──▶ next sector … end of the chain
  private struct Walk {
    private(set) var file = CompoundFile()
    /// `nil`: it is over.
    private(set) var wanted: (offset: Int, count: Int)?

    private let header: [UInt8]
    private let size: Int
    private var sector: UInt32
    private var seen: Set<UInt32> = []
    private var isAtTable = false

    init(header: [UInt8]) {
      self.header = header
      let shift = LittleEndian.uint16(header, at: 30) ?? 0
      size = 1 << Int(shift == 12 ? 12 : 9)
      sector = LittleEndian.uint32(header, at: 48) ?? endOfChain
      if shift == 9 || shift == 12 { visit() }
    }

    private mutating func visit() {
      wanted = nil
      isAtTable = false
      if sector >= endOfChain {
        file.isComplete = true
      } else if seen.count < sectorLimit, seen.insert(sector).inserted {
        wanted = ((Int(sector) + 1) * size, size)
      }
    }

    mutating func take(_ bytes: [UInt8]) {
      guard let asked = wanted, bytes.count == asked.count else {
        wanted = nil
        return
      }
      if isAtTable {
        sector = LittleEndian.uint32(bytes, at: 0) ?? endOfChain
        visit()
      } else {
        file.takeNames(bytes)
        lookUpNext()
      }
    }

    /// Only tables that the header itself names are looked at: the first 109, which is 6.8 MiB of a file with small
    /// sectors.
    private mutating func lookUpNext() {
      let entries = size / 4
      let table = Int(sector) / entries
      guard table < 109, let place = LittleEndian.uint32(header, at: 76 + table * 4), place < endOfChain else {
        wanted = nil
        return
      }
      isAtTable = true
      wanted = ((Int(place) + 1) * size + Int(sector) % entries * 4, 4)
    }
  }

  fileprivate mutating func takeNames(_ sector: [UInt8]) {
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
