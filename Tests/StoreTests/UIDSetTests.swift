import Testing

@testable import Store

@Suite struct UIDSetTests {
  @Test func itReadsAsASequenceSet() {
    #expect(UIDSet([5, 1, 2, 3, 2]).description == "1:3,5")
    #expect(UIDSet().description == "")
    #expect(UIDSet(ranges: [7...9, 1...3, 4...5]).description == "1:5,7:9")
    #expect(UIDSet.all.contains(1) && UIDSet.all.contains(.max) && !UIDSet.all.contains(0))
    #expect(UIDSet.all.count == Int(UInt32.max))
  }

  @Test(arguments: [1, 2, 3]) func itBehavesAsASet(seed: UInt64) throws {
    var random = Generator(state: seed)
    for _ in 0..<200 {
      let a = Set((0..<Int.random(in: 0...12, using: &random)).map { _ in UID.random(in: 1...20, using: &random) })
      let b = Set((0..<Int.random(in: 0...12, using: &random)).map { _ in UID.random(in: 1...20, using: &random) })
      let (x, y) = (UIDSet(a), UIDSet(b))
      #expect(Array(x.uids) == a.sorted())
      #expect(x.count == a.count)
      #expect(Set(x.union(y).uids) == a.union(b))
      #expect(Set(x.intersection(y).uids) == a.intersection(b))
      #expect(Set(x.subtracting(y).uids) == a.subtracting(b))
      #expect((1...21).allSatisfy { x.contains($0) == a.contains($0) })
      var inserted = UIDSet()
      for uid in a { inserted.insert(uid) }
      #expect(inserted == x)
      #expect(UIDSet(encoded: x.encoded()) == x)
    }
  }

  @Test func theEncodingIsTotal() {
    let sets: [UIDSet] = [.all, [.max], [1, .max], UIDSet(1...4_000_000_000)]
    for set in sets { #expect(UIDSet(encoded: set.encoded()) == set) }
    #expect(UIDSet(1...100_000).encoded().count <= 4)
    for bytes: [UInt8] in [[1], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 1], [0xff, 0xff, 0xff, 0xff, 0x0f, 1]] {
      #expect(UIDSet(encoded: bytes) == nil)
    }
    var random = Generator(state: 9)
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if let set = UIDSet(encoded: bytes) { #expect(UIDSet(encoded: set.encoded()) == set) }
    }
  }
}
