internal import Store

/// Whether the appliance is alive, judged from what its parts have just shown.
///
/// A thread inside a sync counts as alive for minutes: a bad disk is no reason to be killed in the middle of a commit,
/// and a new process would meet the same disk. Everything else has to answer.
struct Vitality: Hashable, Sendable {
  /// How long one sync may take.
  static let longestSync = Duration.seconds(300)
  /// How long the writer may work on closures: each is meant to take milliseconds.
  static let longestWork = Duration.seconds(60)

  /// Every event loop has run something since it was asked.
  var loopsAnswered: Bool
  /// So has the queue runner.
  var runnerAnswered: Bool
  var writer: WriterProgress

  enum Verdict: Hashable, Sendable {
    /// To be told to the watchdog; with words for the status where something is slow.
    case alive(String?)
    /// Not to be told; the words say what hangs.
    case hanging(String)
  }

  var verdict: Verdict {
    guard loopsAnswered else { return .hanging("an event loop does not answer") }
    switch writer.activity {
    case .syncing where writer.since > Self.longestSync:
      return .hanging("a sync of the store has taken \(writer.since.components.seconds) s")
    case .syncing where writer.since > .seconds(5):
      // The runner may be waiting for this very commit.
      return .alive("The disk is slow: a sync has taken \(writer.since.components.seconds) s so far")
    case .working where writer.since > Self.longestWork:
      return .hanging("the store's writer has worked on one batch for \(writer.since.components.seconds) s")
    case .idle where writer.since > Self.longestWork, .stopped:
      return .hanging("the store's writer does not turn")
    case .syncing, .working, .idle: break
    }
    return runnerAnswered ? .alive(nil) : .hanging("the queue runner does not answer")
  }
}
