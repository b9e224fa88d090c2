import Platform
import Testing

@testable import Store

@Suite struct StagingTests {
  /// Bytes that tell where they stand.
  private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }

  @Test(arguments: [0, 1, Store.chunkSize, Store.chunkSize + 1, 1 << 20, 2_500_000])
  func aLargeBodyComesBackAsItWent(size: Int) async throws {
    try await withStore { store, _ in
      let body = pattern(size)
      let staged = store.stage()
      var random = Generator(state: UInt64(size))
      var rest = body[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...300_000, using: &random))
        try await staged.append(piece)
        rest = rest.dropFirst(piece.count)
        let from = Int.random(in: 0..<staged.size, using: &random)
        let read = try await staged.bytes(from: from, count: 70_000)
        #expect(read == Array(body[from..<min(from + 70_000, staged.size)]))
      }
      let sha256 = try await staged.finish()
      #expect(sha256 == SHA256.hash(body))
      #expect(try await staged.bytes(from: 0, count: size + 1) == body)
      let content = try await store.write { transaction in
        let content = try transaction.insert(NewContent(header: bytes("A: b\r\n\r\n"), body: .staged(staged)))
        // A second variant may use it in the same transaction.
        let variant = try transaction.insert(NewContent(header: bytes("\r\n"), body: .staged(staged)))
        for id in [content.id, variant.id] {
          _ = try transaction.file(NewEntry(mailbox: try transaction.inbox(), content: id, internalDate: noon))
        }
        return content
      }
      #expect(content.bodySize == size)
      #expect(try await store.rowCount("body") == 1)
      let message = try #require(try await store.open(content.id))
      var read: [UInt8] = []
      for try await piece in message.pieces() {
        #expect(piece.count <= Store.inlineLimit)
        read += piece
      }
      #expect(read == bytes("A: b\r\n\r\n") + body)
      let middle = message.size / 2
      read = []
      for try await piece in message.pieces(middle..<middle + 200_000) { read += piece }
      #expect(read == Array((bytes("A: b\r\n\r\n") + body)[middle...].prefix(200_000)))
    }
  }

  @Test func memoryStaysBounded() async throws {
    try await withStore { store, _ in
      let staged = store.stage()
      for _ in 0..<40 { try await staged.append([UInt8](repeating: 7, count: 100_000)) }
      // Three times a mebibyte went to disk on the way.
      #expect(try await store.rowCount("chunk") >= 45)
      #expect(try await store.rowCount("body") == 0)
      staged.drop()
      _ = try await store.filled(1)
      try await store.untilReaped()
      #expect(try await store.rowCount("chunk") == 1)
      await #expect(throws: StoreError.self) { try await staged.append([1]) }
    }
  }

  @Test func anEqualStagedBodyGivesWay() async throws {
    try await withStore { store, _ in
      var contents: [StoredContent] = []
      for _ in 0..<2 {
        let staged = store.stage()
        try await staged.append(pattern(1_500_000))
        _ = try await staged.finish()
        contents.append(
          try await store.write { transaction in
            let content = try transaction.insert(NewContent(header: bytes("\r\n"), body: .staged(staged)))
            _ = try transaction.file(
              NewEntry(mailbox: try transaction.inbox(), content: content.id, internalDate: noon))
            return content
          })
      }
      #expect(contents[0].body == contents[1].body)
      try await store.untilReaped()
      #expect(try await store.rowCount("chunk") == (1_500_000 + Store.chunkSize - 1) / Store.chunkSize)
      #expect(try await store.rowCount("staging") == 0)
    }
  }

  @Test func whatNobodyFinishedIsSweptAtTheNextStart() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let staged = store.stage()
      try await staged.append(pattern(3_000_000))
      _ = try await store.filled(1)
      let crashed = folder.copy()
      staged.drop()
      await store.close()
      let again = try Store.open(folder: crashed.path, options: options())
      #expect(try await again.rowCount("staging") == 0)
      try await again.untilReaped()
      #expect(try await again.rowCount("chunk") == 1)
      let report = try await again.check()
      #expect(report.problems == [])
      await again.close()
    }
  }

  @Test func aRefusedMessageLeavesItsStagedBodyToBeDropped() async throws {
    struct Refused: Error {}
    try await withStore { store, _ in
      do {
        let staged = store.stage()
        try await staged.append(pattern(1_200_000))
        _ = try await staged.finish()
        await #expect(throws: Refused.self) {
          try await store.write { transaction in
            _ = try transaction.insert(NewContent(header: [], body: .staged(staged)))
            throw Refused()
          }
        }
        // It can be used by a second plan.
        #expect(try await store.rowCount("staging") == 1)
      }
      _ = try await store.filled(1)
      try await store.untilReaped()
      #expect(try await store.rowCount("staging") == 0)
      #expect(try await store.rowCount("chunk") == 1)
    }
  }
}
