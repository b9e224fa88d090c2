internal import MailFlow
internal import Synchronization

/// Messages on their way in from the command line, which may read files that the appliance may not. A request is short, so a
/// message comes in pieces; what is not asked about within some minutes is dropped.
public final class Uploads: Sendable {
  /// At once.
  static let most = 4
  private static let patience = Duration.seconds(600)

  private struct Upload {
    let intake: Intake
    var at: ContinuousClock.Instant
  }

  private let state = Mutex<[String: Upload]>([:])

  public init() {}

  /// The message of that name, if it has begun.
  func intake(_ name: String) -> Intake? {
    let now = ContinuousClock.now
    return state.withLock { uploads in
      uploads = uploads.filter { now - $0.value.at < Self.patience }
      uploads[name]?.at = now
      return uploads[name]?.intake
    }
  }

  /// - Returns: false if too many are under way.
  func begin(_ name: String, _ intake: Intake) -> Bool {
    state.withLock { uploads in
      guard uploads.count < Self.most else { return false }
      uploads[name] = Upload(intake: intake, at: .now)
      return true
    }
  }

  /// The message of that name, which is its taker's from now on.
  func take(_ name: String) -> Intake? { state.withLock { $0.removeValue(forKey: name)?.intake } }
}
