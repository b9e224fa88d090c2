internal import Configuration
internal import MailFlow
internal import Platform
internal import Synchronization

/// How many messages each device has sent within the last hour.
///
/// A scanner that runs wild, or somebody in its place, must not fill the office's mailboxes, nor the neighbours'.
final class DeviceRates: Sendable {
  private static let span = Duration.seconds(3600)

  /// By the device's name, oldest first; never more than its limit.
  private let sent = Mutex<[String: [Moment]]>([:])

  /// Whether one more would be within the limit.
  func hasRoom(_ device: String, limit: Int, at now: Moment) -> Bool {
    sent.withLock { recent(device, &$0, now).count < limit }
  }

  /// Counts one message.
  ///
  /// - Returns: false if it is too many; then it does not count.
  func take(_ device: String, limit: Int, at now: Moment) -> Bool {
    sent.withLock { sent in
      var moments = recent(device, &sent, now)
      guard moments.count < limit else { return false }
      moments.append(now)
      sent[device] = moments
      return true
    }
  }

  /// RFC 5321 §4.2.2: 450 is "temporarily blocked for policy reasons".
  static func refusal(_ device: Configuration.Device) -> Answer {
    Answer(450, "4.7.1", "More than \(device.rate) messages an hour from device \(device.name), try again later")
  }

  /// Forgets what is older than the span. Moments ahead of now, after the clock was set back, are forgotten too.
  private func recent(_ device: String, _ sent: inout [String: [Moment]], _ now: Moment) -> [Moment] {
    let moments = (sent[device] ?? []).filter { $0 <= now && now - $0 < Self.span }
    sent[device] = moments.isEmpty ? nil : moments
    return moments
  }
}
