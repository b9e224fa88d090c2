import Foundation
import Platform
import Testing

@testable import Postroom

@Suite struct StartPaceTests {
  private func pace() -> (StartPace, path: String) {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    return (StartPace(path: path), path)
  }

  @Test func theFirstFewGoOnAtOnce() {
    let (pace, path) = pace()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let now = Moment(seconds: 1_000_000)
    let waits = (0..<15).map { pace.begin(at: now + .seconds($0)).wait }
    #expect(waits[..<5].allSatisfy { $0 == .zero })
    #expect(waits[5] == .milliseconds(500) && waits[6] == .seconds(1) && waits[7] == .seconds(2))
    #expect(waits[14] == StartPace.longest)
    // A minute without trouble, and all is forgotten.
    let (starts, wait) = pace.begin(at: now + .seconds(100))
    #expect(starts == 1 && wait == .zero)
  }

  @Test func theWaitNeverGrowsBeyondItsLimit() {
    #expect(StartPace.wait(starts: 1_000_000) == StartPace.longest)
    #expect(StartPace.wait(starts: 0) == .zero)
  }

  @Test func aFileThatIsNoneHoldsNobodyUp() throws {
    let (pace, path) = pace()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("rubbish\n-7\n99999999999999999999999\n".utf8).write(to: URL(fileURLWithPath: path))
    #expect(pace.begin(at: Moment(seconds: 1_000_000)).wait == .zero)
    #expect(StartPace(path: "/no/such/folder/starts").begin(at: Moment(seconds: 1)).wait == .zero)
    // The clock was set back: starts of the future do not count.
    let early = pace.begin(at: Moment(seconds: 10))
    #expect(early.starts == 1)
  }
}
