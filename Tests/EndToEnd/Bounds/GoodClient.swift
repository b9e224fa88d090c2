import Foundation

/// A well-behaved client, beside whatever else goes on: it sends small messages, looks into its mailbox and connects anew,
/// and notes how long each took.
///
/// `@unchecked Sendable`: all that changes is behind `lock`.
final class GoodClient: @unchecked Sendable {
  enum Action: String, CaseIterable { case message, noop, connect }

  private let office: TestAppliance
  private let lock = NSLock()
  private var times: [Action: [Double]] = [:]
  private var failure: String?
  private var isOver = false
  private let ended = DispatchSemaphore(value: 0)

  init(_ office: TestAppliance, pause: useconds_t = 10_000) {
    self.office = office
    Thread { [self] in
      do {
        try work(pause)
      } catch {
        lock.withLock { failure = "\(error)" }
      }
      ended.signal()
    }.start()
  }

  private func work(_ pause: useconds_t) throws {
    var smtp = try Wire.greeted(office)
    let imap = try office.imap("bob", select: "Archive")
    var round = 0
    while !(lock.withLock { isOver }) {
      round += 1
      if round.isMultiple(of: Wire.messages) { smtp = try Wire.greeted(office) }
      try measure(.message) {
        try smtp.ask("MAIL FROM:<good@elsewhere.example>", 250)
        try smtp.ask("RCPT TO:<bob@office.example>", 250)
        try smtp.ask("DATA", 354)
        try smtp.send("Subject: good\r\n\r\n\(String(repeating: "A line of text.\r\n", count: 120)).\r\n")
        try smtp.expect(250)
      }
      try measure(.noop) {
        guard try imap.imap("NOOP").last?.hasPrefix("a OK") == true else { throw Wire.Closed() }
      }
      try measure(.connect) {
        let wire = try Wire(port: try office.port("smtp"), seconds: 60)
        try wire.expect(220)
      }
      smtp.forget()
      imap.forget()
      usleep(pause)
    }
  }

  private func measure(_ action: Action, _ work: () throws -> Void) throws {
    let start = Crowd.now()
    try work()
    let took = Crowd.now() - start
    lock.withLock { times[action, default: []].append(took) }
  }

  struct Latency: CustomStringConvertible {
    var count = 0
    var median = 0.0
    var p99 = 0.0
    var longest = 0.0
    var description: String {
      "\(count) times, median \(Self.text(median)), p99 \(Self.text(p99)), longest \(Self.text(longest))"
    }
    private static func text(_ seconds: Double) -> String { String(format: "%.1f ms", seconds * 1000) }
  }

  /// Ends the work. - Throws: what went wrong in it.
  func stop() throws -> [Action: Latency] {
    lock.withLock { isOver = true }
    ended.wait()
    if let failure = lock.withLock({ failure }) {
      throw TestAppliance.Failed(description: "the good client was not served: \(failure)")
    }
    return lock.withLock {
      times.mapValues { times in
        let sorted = times.sorted()
        func at(_ share: Double) -> Double { sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)] }
        return Latency(count: sorted.count, median: at(0.5), p99: at(0.99), longest: sorted.last ?? 0)
      }
    }
  }
}

extension Wire {
  /// Messages that one session sends at most: servers limit that.
  static let messages = 400

  /// A connection to the MX port behind EHLO.
  static func greeted(_ office: TestAppliance) throws -> Wire {
    let wire = try Wire(port: try office.port("smtp"), seconds: 60)
    try wire.expect(220)
    try wire.ask("EHLO good.example", 250)
    return wire
  }
}
