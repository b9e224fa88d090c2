/// A row's options as bytes: fields with a number each, in any order, unknown ones skipped, so that an older database
/// stays readable when a field is added.
///
/// Each field is its number (1 byte), its length (4 bytes, big-endian) and its bytes.
struct Fields {
  private(set) var bytes: [UInt8] = []

  init() {}

  mutating func add(_ number: UInt8, _ value: some Collection<UInt8>) {
    guard let length = UInt32(exactly: value.count) else { return }
    bytes.append(number)
    for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    bytes.append(contentsOf: value)
  }

  mutating func add(_ number: UInt8, _ text: String?) {
    if let text { add(number, text.utf8) }
  }

  mutating func add(_ number: UInt8, _ value: Int64?) {
    guard let value else { return }
    add(number, (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * Int64($0))) })
  }

  mutating func add(_ number: UInt8, _ flag: Bool) {
    if flag { add(number, []) }
  }

  /// Reads what ``bytes`` holds. Damaged bytes end the reading; what was read before them counts.
  struct Reader {
    private var fields: [UInt8: [UInt8]] = [:]

    init(_ bytes: [UInt8]) {
      for (number, value) in Self.all(in: bytes) { fields[number] = value }
    }

    /// All fields in their order, also several of one number.
    static func all(in bytes: [UInt8]) -> [(number: UInt8, value: [UInt8])] {
      var result: [(UInt8, [UInt8])] = []
      var position = 0
      while bytes.count - position >= 5 {
        let number = bytes[position]
        let length = bytes[position + 1..<position + 5].reduce(0) { $0 << 8 | Int($1) }
        position += 5
        guard length <= bytes.count - position else { break }
        result.append((number, Array(bytes[position..<position + length])))
        position += length
      }
      return result
    }

    func bytes(_ number: UInt8) -> [UInt8]? { fields[number] }
    func flag(_ number: UInt8) -> Bool { fields[number] != nil }
    func text(_ number: UInt8) -> String? { fields[number].map { String(decoding: $0, as: UTF8.self) } }
    func integer(_ number: UInt8) -> Int64? {
      guard let bytes = fields[number], bytes.count == 8 else { return nil }
      return Int64(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
  }
}
