import Foundation

/// What a running appliance takes of the machine, looked at again and again: its peaks.
///
/// `@unchecked Sendable`: all that changes is behind `lock`.
final class Meter: @unchecked Sendable {
  struct Peaks {
    var resident = 0
    var staged = 0
    var stagedOfOne = 0
    var stagingLimit = 0
    var stagingLimitOfOne = 0
    /// All files of the data folder.
    var disk = 0
    /// The write-ahead log.
    var log = 0
    var descriptors = 0
  }

  private let office: TestAppliance
  private let lock = NSLock()
  private var found = Peaks()
  private var isOver = false
  private var thread: Thread?
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameter asking: seconds between two questions for the status; looking into /proc is cheap and goes on all the time.
  init(_ office: TestAppliance, asking: Double = 0.5) {
    self.office = office
    let thread = Thread { [self] in
      var due = 0.0
      while !(lock.withLock { isOver }) {
        look()
        if Crowd.now() >= due {
          ask()
          due = Crowd.now() + asking
        }
        usleep(20_000)
      }
      ended.signal()
    }
    thread.start()
    self.thread = thread
  }

  /// Ends the watch.
  func stop() -> Peaks {
    lock.withLock { isOver = true }
    ended.wait()
    return lock.withLock { found }
  }

  private func look() {
    let resident = Self.resident(of: office.processID)
    let data = office.folder.file("data")
    let files = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
    let sizes = files.map { ($0, Self.size("\(data)/\($0)")) }
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(office.processID)/fd").count) ?? 0
    lock.withLock {
      found.resident = max(found.resident, resident)
      found.disk = max(found.disk, sizes.reduce(0) { $0 + $1.1 })
      found.log = max(found.log, sizes.filter { $0.0.hasSuffix("-wal") }.map(\.1).max() ?? 0)
      found.descriptors = max(found.descriptors, open)
    }
  }

  private func ask() {
    guard let status = try? office.list("status").first else { return }
    func number(_ name: String) -> Int { status[name] as? Int ?? -1 }
    lock.withLock {
      found.staged = max(found.staged, number("stagedBytes"))
      found.stagedOfOne = max(found.stagedOfOne, number("stagedBytesOfOne"))
      found.stagingLimit = number("stagingLimit")
      found.stagingLimitOfOne = number("stagingLimitOfOne")
    }
  }

  static func size(_ path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
  }

  /// Octets of memory that a process has in use.
  static func resident(of process: Int32) -> Int {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
    else { return 0 }
    return (line.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
  }
}
