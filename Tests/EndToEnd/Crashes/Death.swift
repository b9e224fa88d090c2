import Foundation
import Platform

/// How a process of the series ends: half of the times at a named point, half of the times at any moment.
enum Death: CustomStringConvertible {
  /// By its own hand when it passes there for the n-th time.
  case point(FaultPoint, passing: Int)
  /// With `kill -9` after so many microseconds of load.
  case moment(UInt32)

  init(round: Int, using generator: inout SplitMix) {
    guard round.isMultiple(of: 2) else {
      self = .moment(.random(in: 20_000...900_000, using: &generator))
      return
    }
    // Each point in turn, so that a short series has them all.
    let point = FaultPoint.allCases[round / 2 % FaultPoint.allCases.count]
    self = .point(point, passing: .random(in: 1...Self.mostPassings(point), using: &generator))
  }

  /// How often a point is passed in a second or so of load.
  private static func mostPassings(_ point: FaultPoint) -> Int {
    switch point {
    case .duringCommit: 1500
    case .beforeCommit, .afterCommit: 50
    case .afterContent, .beforeReply, .afterReply: 30
    case .staged: 3
    case .afterRemoteDot: 6
    }
  }

  var environment: String? {
    if case .point(let point, let passing) = self { "\(point.rawValue):\(passing)" } else { nil }
  }

  var description: String {
    switch self {
    case .point(let point, _): point.rawValue
    case .moment: "any moment"
    }
  }
}
