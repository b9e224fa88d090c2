/// Takes deflated data apart (RFC 1951), as far as a limit allows. Total: any bytes give what could be read of them.
struct Inflate {
  enum End: Equatable, Sendable {
    /// The data ended as it should.
    case complete
    /// The limit was reached: there is more.
    case limit
    /// What follows is missing or is no deflated data.
    case damaged
  }

  private let input: ArraySlice<UInt8>
  private var position: Int
  private var bits: UInt32 = 0
  private var count = 0
  private(set) var output: [UInt8] = []
  private let limit: Int

  /// At most `limit` bytes of what is in `data`.
  static func read(_ data: ArraySlice<UInt8>, limit: Int) -> (bytes: [UInt8], end: End) {
    var inflate = Inflate(data, limit: max(limit, 0))
    let end = inflate.run()
    return (inflate.output, end)
  }

  private init(_ data: ArraySlice<UInt8>, limit: Int) {
    input = data
    position = data.startIndex
    self.limit = limit
    output.reserveCapacity(min(limit, 4096))
  }

  private mutating func run() -> End {
    while true {
      guard let isLast = take(1), let type = take(2) else { return .damaged }
      let end: End?
      switch type {
      case 0: end = stored()
      case 1:
        guard let literals = Self.fixedLiterals, let distances = Self.fixedDistances else { return .damaged }
        end = block(literals, distances)
      case 2:
        guard let codes = dynamicCodes() else { return .damaged }
        end = block(codes.literals, codes.distances)
      default: return .damaged
      }
      if let end { return end }
      if isLast == 1 { return .complete }
    }
  }

  // MARK: Bits

  private mutating func take(_ wanted: Int) -> UInt32? {
    while count < wanted {
      guard position < input.endIndex else { return nil }
      bits |= UInt32(input[position]) << UInt32(count)
      position += 1
      count += 8
    }
    let value = bits & ((1 << UInt32(wanted)) - 1)
    bits >>= UInt32(wanted)
    count -= wanted
    return value
  }

  // MARK: Blocks

  /// `nil`: the block has been read.
  private mutating func stored() -> End? {
    (bits, count) = (0, 0)
    guard position + 4 <= input.endIndex else { return .damaged }
    let length = Int(input[position]) | Int(input[position + 1]) << 8
    let complement = Int(input[position + 2]) | Int(input[position + 3]) << 8
    guard length ^ complement == 0xFFFF else { return .damaged }
    position += 4
    let available = min(length, input.endIndex - position)
    let taken = min(available, limit - output.count)
    output += input[position..<(position + taken)]
    position += taken
    if taken < available { return .limit }
    return available < length ? .damaged : nil
  }

  private mutating func block(_ literals: Huffman, _ distances: Huffman) -> End? {
    while true {
      guard let symbol = decode(literals) else { return .damaged }
      switch symbol {
      case 0..<256:
        if output.count >= limit { return .limit }
        output.append(UInt8(truncatingIfNeeded: symbol))
      case 256: return nil
      case 257...285:
        let index = symbol - 257
        guard let more = take(Self.lengthBits[index]), let code = decode(distances), code < 30,
          let further = take(Self.distanceBits[code])
        else { return .damaged }
        let distance = Self.distanceBase[code] + Int(further)
        guard distance <= output.count else { return .damaged }
        if !copy(Self.lengthBase[index] + Int(more), from: distance) { return .limit }
      default: return .damaged
      }
    }
  }

  private mutating func copy(_ length: Int, from distance: Int) -> Bool {
    let taken = min(length, limit - output.count)
    for _ in 0..<taken { output.append(output[output.count - distance]) }
    return taken == length
  }

  // MARK: Codes

  /// A canonical code: how many codes of each length there are, and the symbols in the codes' order.
  private struct Huffman {
    var counts = [Int](repeating: 0, count: 16)
    var symbols: [Int]

    /// `nil` where the lengths give more codes than there are.
    init?(_ lengths: ArraySlice<Int>) {
      for length in lengths { counts[length] += 1 }
      counts[0] = 0
      var left = 1
      for length in 1...15 {
        left = left * 2 - counts[length]
        if left < 0 { return nil }
      }
      var places = [Int](repeating: 0, count: 16)
      for length in 1..<15 { places[length + 1] = places[length] + counts[length] }
      symbols = [Int](repeating: 0, count: lengths.count)
      for (symbol, length) in lengths.enumerated() where length > 0 {
        symbols[places[length]] = symbol
        places[length] += 1
      }
    }
  }

  private mutating func decode(_ code: Huffman) -> Int? {
    var (value, first, index) = (0, 0, 0)
    for length in 1...15 {
      guard let bit = take(1) else { return nil }
      value |= Int(bit)
      let count = code.counts[length]
      if value - first < count { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    return nil
  }

  private mutating func dynamicCodes() -> (literals: Huffman, distances: Huffman)? {
    guard let literalCount = take(5), let distanceCount = take(5), let lengthCount = take(4) else { return nil }
    let (first, second) = (Int(literalCount) + 257, Int(distanceCount) + 1)
    guard first <= 286, second <= 30 else { return nil }
    var lengths = [Int](repeating: 0, count: 19)
    for index in 0..<(Int(lengthCount) + 4) {
      guard let length = take(3) else { return nil }
      lengths[Self.lengthOrder[index]] = Int(length)
    }
    guard let code = Huffman(lengths[...]), let all = codeLengths(code, first + second), all[256] > 0 else {
      return nil
    }
    guard let literals = Huffman(all[..<first]), let distances = Huffman(all[first...]) else { return nil }
    return (literals, distances)
  }

  private mutating func codeLengths(_ code: Huffman, _ wanted: Int) -> [Int]? {
    var all: [Int] = []
    while all.count < wanted {
      guard let symbol = decode(code) else { return nil }
      var (value, times) = (0, 1)
      switch symbol {
      case 0...15: value = symbol
      case 16:
        guard let last = all.last, let more = take(2) else { return nil }
        (value, times) = (last, 3 + Int(more))
      case 17:
        guard let more = take(3) else { return nil }
        times = 3 + Int(more)
      default:
        guard let more = take(7) else { return nil }
        times = 11 + Int(more)
      }
      guard all.count + times <= wanted else { return nil }
      all += repeatElement(value, count: times)
    }
    return all
  }

  private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
  private static let lengthBase = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBase = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]
  // The codes of RFC 1951 §3.2.6.
  private static let fixedLiterals = Huffman(
    ([Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112) + [Int](repeating: 7, count: 24)
      + [Int](repeating: 8, count: 8))[...])
  private static let fixedDistances = Huffman([Int](repeating: 5, count: 30)[...])
}
