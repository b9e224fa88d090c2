import Testing

@testable import Store

@Suite struct ProgressBoardTests {
  @Test(arguments: [
    ("12 (store-writer) D 1 12 12 0", "D"), ("12 (a) S (b) R 1 2", "R"), ("12 (name", ""), ("", ""), ("1 (x)", ""),
  ])
  func theStateOfAThread(_ line: String, _ expected: String) {
    let state = ProgressBoard.state(ofThread: Array(line.utf8))
    #expect(state.map { String(UnicodeScalar($0)) } ?? "" == expected)
  }

  @Test func aThreadThatWorksIsNoThreadThatWaitsForTheDisk() {
    let board = ProgressBoard()
    board.watchThisThread()
    board.set(.working)
    #expect(board.progress(waiting: 0).activity == .working)
  }
}
