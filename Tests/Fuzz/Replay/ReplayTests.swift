import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// What the fuzzer has gathered, without the fuzzer: the corpora, the cases that once were bugs, and a second of mutations of
/// both for each target. The seed of the mutations is printed; `POSTROOM_FUZZ_SEED` gives it again.
@Suite struct ReplayTests {
  private static let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(
    separator: "/")

  private static let seed: UInt64 = {
    let given = getenv("POSTROOM_FUZZ_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = given ?? UInt64.random(in: 0..<1_000_000)
    print("Fuzz: the seed of the mutations is \(seed)")
    return seed
  }()

  private static func corpus(_ name: String) -> [[UInt8]] { CaseFile.read("\(folder)/Corpora/\(name).txt") }
  private static func found(_ name: String) -> [[UInt8]] { CaseFile.read("\(folder)/Found/\(name).txt") }

  private func run(_ target: FuzzTarget, _ bytes: [UInt8]) async {
    do {
      switch target.body {
      case .plain(let body): try body(bytes)
      case .waiting(let body): try await body(bytes)
      }
    } catch {
      Issue.record("\(target.name): \(error), with \(CaseFile.escaped(bytes))")
    }
  }

  @Test(arguments: FuzzTarget.all.map(\.name)) func whatWasFoundStaysMended(_ name: String) async throws {
    let target = try #require(FuzzTarget.named(name))
    for bytes in Self.found(name) + target.seeds.map({ Array($0.utf8) }) + [[]] { await run(target, bytes) }
  }

  @Test(arguments: FuzzTarget.all.map(\.name)) func theCorpusAndMutationsOfIt(_ name: String) async throws {
    let target = try #require(FuzzTarget.named(name))
    let corpus = Self.corpus(name)
    #expect(!corpus.isEmpty, "there is no Corpora/\(name).txt")
    for bytes in corpus { await run(target, bytes) }
    var random = SplitMix(Array("\(Self.seed) \(name)".utf8))
    let end = ContinuousClock.now + .seconds(1)
    while ContinuousClock.now < end {
      await run(target, mutation(of: corpus, target.words, &random))
    }
  }

  private func mutation(of corpus: [[UInt8]], _ words: [String], _ random: inout SplitMix) -> [UInt8] {
    var bytes = corpus.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...5, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      let end = min(bytes.count, place + Int.random(in: 0...12, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.insert(contentsOf: Array((words.randomElement(using: &random) ?? "").utf8), at: place)
      case 1: bytes.removeSubrange(place..<end)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
      default:
        let other = corpus.randomElement(using: &random) ?? []
        bytes.replaceSubrange(place..., with: other.suffix(Int.random(in: 0...other.count, using: &random)))
      }
    }
    return bytes
  }

  /// `make fuzz-proof` would prove nothing if the fuzzer began with what it has to find.
  @Test(arguments: FuzzTarget.all.map(\.name)) func noSeedHasThePlantedBug(_ name: String) async throws {
    let target = try #require(FuzzTarget.named(name))
    await Planted.$isActive.withValue(true) {
      for seed in target.seeds { await run(target, Array(seed.utf8)) }
    }
  }

  @Test func casesComeBackFromTheirFiles() {
    let bytes = [UInt8](0...255)
    let path = "/tmp/postroom-fuzz-cases-\(getpid())"
    let file = fopen(path, "w")
    defer { unlink(path) }
    for line in ["# a remark", CaseFile.escaped(bytes), CaseFile.escaped(Array("#\\x41".utf8))] {
      fputs(line + "\n", file)
    }
    fclose(file)
    #expect(CaseFile.read(path) == [bytes, Array("#\\x41".utf8)])
  }
}
