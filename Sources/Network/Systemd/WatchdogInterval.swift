internal import CSystemd

/// How often the service manager wants to hear that the service is alive.
public enum WatchdogInterval {
  /// `WatchdogSec=` of the unit, if it is set and meant for this process (`sd_watchdog_enabled(3)`). Tell twice as often.
  public static func fromEnvironment() -> Duration? {
    var microseconds: UInt64 = 0
    guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
    return .microseconds(Int64(clamping: microseconds))
  }
}
