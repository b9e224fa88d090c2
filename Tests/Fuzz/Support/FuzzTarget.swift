/// A parser that reads strangers' bytes, and what must hold whatever they are.
///
/// The same value serves three: `make fuzz` hands it what libFuzzer thinks up, `swift test --filter Fuzz` the corpora and a
/// few mutations of them, and `make fuzz-coverage` asks it which files it stands for.
struct FuzzTarget: Sendable {
  enum Body: Sendable {
    case plain(@Sendable ([UInt8]) throws -> Void)
    /// For what waits for other threads.
    case waiting(@Sendable ([UInt8]) async throws -> Void)
  }

  /// Also the name of its folder in `Corpora` and `Found`.
  let name: String
  /// The parser: files below `Sources` of whose regions the corpus covers at least 85 %.
  let covers: [String]
  /// What the language is made of; a fuzzer puts these together faster than single bytes.
  let words: [String]
  /// Where a fuzzer begins that has no corpus.
  let seeds: [String]
  /// Throws ``Violation`` when something does not hold. A trap is found without its help.
  let body: Body

  init(
    _ name: String, covers: [String], words: [String] = [], seeds: [String] = [],
    _ body: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    (self.name, self.covers, self.words, self.seeds, self.body) = (name, covers, words, seeds, .plain(body))
  }

  init(
    _ name: String, covers: [String], words: [String] = [], seeds: [String] = [],
    waiting body: @escaping @Sendable ([UInt8]) async throws -> Void
  ) {
    (self.name, self.covers, self.words, self.seeds, self.body) = (name, covers, words, seeds, .waiting(body))
  }

  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Something that must hold for any bytes did not.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// States what must hold.
func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
  if !condition { throw Violation(description: sentence()) }
}

/// Random numbers that depend on the bytes alone: the same input is always split in the same places.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  init(_ bytes: [UInt8]) {
    state = bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The bytes in pieces of 1 to `longest`, as a network might deliver them.
func pieces(_ bytes: [UInt8], longest: Int = 40) -> [ArraySlice<UInt8>] {
  var random = SplitMix(bytes)
  var result: [ArraySlice<UInt8>] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    let size = Int.random(in: 1...longest, using: &random)
    result.append(rest.prefix(size))
    rest = rest.dropFirst(size)
  }
  return result
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
