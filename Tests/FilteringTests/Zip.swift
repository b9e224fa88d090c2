@testable import Filtering

/// Zip archives, also such as no program makes.
enum Zip {
  struct File {
    var name: String
    var bytes: [UInt8]
    /// 0 as they are, 8 deflated (in stored blocks), others as they are too.
    var method: UInt16

    init(_ name: String, _ bytes: [UInt8], method: UInt16 = 0) {
      (self.name, self.bytes, self.method) = (name, bytes, method)
    }
  }

  /// - Parameter overlapping: only the first file's bytes are there, and all files, which are its equals, are said to be those.
  static func archive(_ files: [File], overlapping: Bool = false) -> [UInt8] {
    var (archive, directory): ([UInt8], [UInt8]) = ([], [])
    var (offset, packed): (Int, [UInt8]) = (0, [])
    for (index, file) in files.enumerated() {
      if index == 0 || !overlapping { packed = file.method == 8 ? deflated(file.bytes) : file.bytes }
      let facts =
        short(20) + short(0) + short(file.method) + long(0) + long(0) + long(packed.count)
        + long(file.bytes.count) + short(file.name.utf8.count) + short(0)
      if index == 0 || !overlapping {
        offset = archive.count
        archive += [0x50, 0x4B, 3, 4] + facts + Array(file.name.utf8) + packed
      }
      directory += [0x50, 0x4B, 1, 2] + short(20) + facts + short(0) + short(0) + short(0) + long(0) + long(offset)
      directory += Array(file.name.utf8)
    }
    let end =
      short(0) + short(0) + short(files.count) + short(files.count) + long(directory.count) + long(archive.count)
    return archive + directory + [0x50, 0x4B, 5, 6] + end + short(0)
  }

  /// RFC 1951 §3.2.4.
  private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes[...]
    repeat {
      let piece = rest.prefix(65_535)
      rest = rest.dropFirst(piece.count)
      result += [rest.isEmpty ? 1 : 0] + short(piece.count) + short(~piece.count) + piece
    } while !rest.isEmpty
    return result
  }

  private static func short(_ number: some BinaryInteger) -> [UInt8] {
    [0, 8].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static func long(_ number: some BinaryInteger) -> [UInt8] {
    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: number >> $0) }
  }
}
