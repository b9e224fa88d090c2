// A closed-loop SMTP load: so many sessions, each on a thread and a blocking socket of its own, send so many messages
// to 127.0.0.1 and count a message at the 250 after its final dot. Compiled alone, without the package:
//
//     swiftc -O Benchmarks/load.swift -o load
//     load PORT SESSIONS MESSAGES SIZE RECIPIENTS-A-MESSAGE USERS DOMAIN
//
// One connection serves all messages of its session; commands are not pipelined. Prints one JSON object.

import Glibc

struct Failure: Error { let what: String }

struct Load {
  let port: UInt16, sessions: Int, messages: Int, size: Int, recipients: Int, users: Int, domain: String

  /// A message of the wanted size; its lines differ by message, so that no server can store a body once.
  func content(_ number: Int) -> [UInt8] {
    var text =
      "From: load@load.test\r\nTo: u\(1 + number % users)@\(domain)\r\nSubject: load \(number)\r\n"
      + "Message-ID: <\(number).\(getpid()).\(time(nil))@load.test>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n"
    var state = UInt64(truncatingIfNeeded: number &* 0x9E37_79B9 &+ 1)
    while text.utf8.count < size - 80 {
      var line = ""
      for _ in 0..<5 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        line += String(state, radix: 36)
      }
      text += line.prefix(72) + "\r\n"
    }
    return Array((text + ".\r\n").utf8)
  }
}

/// One blocking SMTP session.
struct Session: ~Copyable {
  let descriptor: Int32
  var buffer = [UInt8](repeating: 0, count: 4096)
  var filled = 0

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw Failure(what: "no connection to port \(port)") }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var limit = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, 0x4000) }
      guard count > 0 else { throw Failure(what: "the server closed the connection") }
      sent += count
    }
  }

  /// Reads one whole reply and returns its code.
  mutating func reply() throws -> Int {
    while true {
      while let end = buffer[..<filled].firstIndex(of: 10) {
        let line = Array(buffer[...end])
        let rest = filled - end - 1
        for index in 0..<rest { buffer[index] = buffer[end + 1 + index] }
        filled = rest
        if line.count > 3, line[3] != 45 { return Int(String(decoding: line.prefix(3), as: UTF8.self)) ?? 0 }
      }
      guard filled < buffer.count else { throw Failure(what: "an endless reply") }
      let start = filled
      let space = buffer.count - start
      let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + start, space, 0) }
      guard count > 0 else { throw Failure(what: "the server closed the connection") }
      filled += count
    }
  }

  mutating func ask(_ command: String, _ wanted: Int) throws {
    try send(Array((command + "\r\n").utf8))
    let code = try reply()
    guard code == wanted else { throw Failure(what: "\(code) to \(command)") }
  }
}

func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// What the threads share, behind one mutex.
final class Tally: @unchecked Sendable {  // every access holds `lock`
  private var lock = pthread_mutex_t()
  private var next = 0
  private(set) var latencies: [Double] = []
  private(set) var failure: String?

  init() { pthread_mutex_init(&lock, nil) }

  func locked<T>(_ body: (Tally) -> T) -> T {
    pthread_mutex_lock(&lock)
    defer { pthread_mutex_unlock(&lock) }
    return body(self)
  }

  func take(of messages: Int) -> Int? {
    locked { tally in
      guard tally.next < messages, tally.failure == nil else { return nil }
      tally.next += 1
      return tally.next - 1
    }
  }

  func add(_ latency: Double) { locked { $0.latencies.append(latency) } }
  func fail(_ what: String) { locked { $0.failure = $0.failure ?? what } }
}

func run(_ load: Load, _ tally: Tally) {
  do {
    var session = try Session(port: load.port)
    guard try session.reply() == 220 else { throw Failure(what: "no greeting") }
    try session.ask("EHLO load.test", 250)
    while let number = tally.take(of: load.messages) {
      let content = load.content(number)
      let start = seconds()
      try session.ask("MAIL FROM:<load@load.test>", 250)
      for index in 0..<load.recipients {
        try session.ask("RCPT TO:<u\(1 + (number + index) % load.users)@\(load.domain)>", 250)
      }
      try session.ask("DATA", 354)
      try session.send(content)
      let code = try session.reply()
      guard code == 250 else { throw Failure(what: "\(code) after the dot") }
      tally.add(seconds() - start)
    }
    try session.ask("QUIT", 221)
  } catch {
    tally.fail((error as? Failure)?.what ?? "\(error)")
  }
}

let arguments = CommandLine.arguments
guard arguments.count == 8, let port = UInt16(arguments[1]), let sessions = Int(arguments[2]),
  let messages = Int(arguments[3]), let size = Int(arguments[4]), let recipients = Int(arguments[5]),
  let users = Int(arguments[6]), users > 0, (1...500).contains(sessions), (1...1_000_000).contains(messages)
else {
  print("usage: load PORT SESSIONS MESSAGES SIZE RECIPIENTS-A-MESSAGE USERS DOMAIN")
  exit(2)
}
let load = Load(
  port: port, sessions: sessions, messages: messages, size: size, recipients: recipients, users: users,
  domain: arguments[7])
let tally = Tally()

final class Work: Sendable {
  let load: Load
  let tally: Tally
  init(load: Load, tally: Tally) {
    self.load = load
    self.tally = tally
  }
}

let start = seconds()
var threads: [pthread_t] = []
for _ in 0..<sessions {
  var thread = pthread_t()
  let work = Unmanaged.passRetained(Work(load: load, tally: tally))
  pthread_create(
    &thread, nil,
    { raw in
      let work = Unmanaged<Work>.fromOpaque(raw!).takeRetainedValue()
      run(work.load, work.tally)
      return nil
    }, work.toOpaque())
  threads.append(thread)
}
for thread in threads { pthread_join(thread, nil) }
let elapsed = seconds() - start
let sorted = tally.latencies.sorted()
func quantile(_ share: Double) -> Double {
  sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] * 1000
}
var usage = rusage()
getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
let cpu =
  Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
let failure = tally.failure.map { "\"\($0)\"" } ?? "null"
print(
  "{\"accepted\": \(sorted.count), \"seconds\": \(elapsed), \"p50_ms\": \(quantile(0.5)), \"p99_ms\": \(quantile(0.99)),"
    + " \"client_cpu_s\": \(cpu), \"failure\": \(failure)}")
exit(tally.failure == nil ? 0 : 1)
