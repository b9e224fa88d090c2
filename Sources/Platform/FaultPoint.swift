#if DEBUG
  internal import Glibc
  internal import Synchronization
#endif

/// A named place at which a debug build can be made to die, so that tests can look at what is left.
///
/// The environment variable `POSTROOM_FAULT=NAME` ends the process with SIGKILL when it first passes there,
/// `POSTROOM_FAULT=NAME:N` when it passes for the N-th time. With `POSTROOM_FAULT_FROM=OTHER` it counts from the moment
/// on at which that other point was first passed. Release builds have none of this.
public enum FaultPoint: String, CaseIterable, Sendable {
  /// A message's last byte has come, nothing of it has been decided.
  case afterContent = "after-content"
  /// Chunks of a body are durable, its message is not accepted.
  case staged
  /// One statement more of the writer's transaction has run; N counts statements.
  case duringCommit = "during-commit"
  /// All rows of a batch are written, the commit is not.
  case beforeCommit = "before-commit"
  /// A batch is durable, and nobody has been told.
  case afterCommit = "after-commit"
  /// A message is accepted, and its 250 is not written.
  case beforeReply = "before-reply"
  /// The 250 has been written.
  case afterReply = "after-reply"
  /// The end of the content has been sent to the next server, whose reply has not come.
  case afterRemoteDot = "after-remote-dot"
}

#if DEBUG
  /// Dies here if the environment says so.
  public func faultPoint(_ point: FaultPoint) {
    guard let wanted = Wanted.fault else { return }
    if wanted.from == point { Wanted.isArmed.store(true, ordering: .relaxed) }
    guard wanted.point == point, wanted.from == nil || Wanted.isArmed.load(ordering: .relaxed) else { return }
    if Wanted.passings.add(1, ordering: .relaxed).newValue == wanted.passing { kill(getpid(), SIGKILL) }
  }

  private enum Wanted {
    /// The environment is read once: a hot path asks at each passing.
    static let fault: (point: FaultPoint, passing: Int, from: FaultPoint?)? = {
      guard let text = getenv("POSTROOM_FAULT") else { return nil }
      let parts = String(cString: text).split(separator: ":", maxSplits: 1)
      let passing = parts.count == 2 ? Int(parts[1]) : 1
      guard let name = parts.first, let passing else { fatalError("POSTROOM_FAULT=\(String(cString: text))") }
      return (point(String(name)), passing, getenv("POSTROOM_FAULT_FROM").map { point(String(cString: $0)) })
    }()
    static let isArmed = Atomic(false)
    static let passings = Atomic(0)

    private static func point(_ name: String) -> FaultPoint {
      // A name mistyped must not look like a process that survives.
      guard let point = FaultPoint(rawValue: name) else { fatalError("there is no fault point \(name)") }
      return point
    }
  }
#else
  /// Nothing, in a release build.
  @inlinable @inline(__always) public func faultPoint(_ point: FaultPoint) {}
#endif
