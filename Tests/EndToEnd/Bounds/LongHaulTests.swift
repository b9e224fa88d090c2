import Foundation
import Testing

extension Bounds {
  /// What lasts long must not keep the write-ahead log, or the writer, from everybody else.
  ///
  /// CI runs a short form; `POSTROOM_BOUNDS=full` the sizes that `Benchmarks/BOUNDS.md` tells of: a reader of ten minutes,
  /// and 5 GiB that are expunged.
  @Suite(.serialized) struct LongHaul {
    private static let isFull = Crowds.isFull
    private static let mebibyte = 1 << 20
    private static let logLimit = 128 * mebibyte

    /// Puts a large message into a mailbox by APPEND.
    private func append(_ wire: Wire, _ size: Int) throws {
      let line = Array((String(repeating: "y", count: 1022) + "\r\n").utf8)
      let piece = (0..<1024).flatMap { _ in line }
      let head = "Subject: large \(UInt64.random(in: 0...UInt64.max))\r\n\r\n"
      // The body differs, or it would be kept once only.
      let mark = Array("\(UInt64.random(in: 0...UInt64.max))\r\n".utf8)
      try wire.say("a APPEND INBOX {\(head.utf8.count + mark.count + size)+}")
      try wire.send(Array(head.utf8) + mark)
      var left = size
      while left > 0 {
        try wire.send(left < piece.count ? Array(piece.suffix(left)) : piece)
        left -= piece.count
      }
      try wire.say("")
      guard try wire.untilTagged().last?.hasPrefix("a OK") == true else {
        throw Wire.Unexpected(description: wire.transcript)
      }
      wire.forget()
    }

    /// One client takes a large message at a walking pace, while mail comes in and is read by others as fast as it goes.
    @Test func aSlowReaderKeepsNoLog() throws {
      let size = (Self.isFull ? 100 : 8) * Self.mebibyte
      let rate = (Self.isFull ? 2 : 64) << 10
      let seconds = Self.isFull ? 600 : 8
      let limits =
        "message-size = \"101 MiB\"\nstaging = \"1200 MiB\"\nstaging-per-address = \"120 MiB\"\nconnections = 3000\n"
      let office = try TestAppliance.running(
        accounts: ["alice", "bob", "carol"], extra: "[limits]\n\(limits)", plaintext: true)
      let slow = try office.imap(seconds: 60, window: 4096)
      try append(slow, size)
      let load = Load(office, senders: Self.isFull ? 10 : 4)
      let meter = Meter(office, asking: 5)
      let good = GoodClient(office)
      try slow.say("b FETCH 1 BODY.PEEK[]")
      var taken = 0
      let end = Crowd.now() + Double(seconds)
      while Crowd.now() < end {
        taken += try slow.bytes(rate).count
        Thread.sleep(forTimeInterval: 1)
      }
      let latencies = try good.stop()
      let messages = try load.stop()
      let peaks = meter.stop()
      print(
        "bounds: slow reader: \(taken >> 10) KiB in \(seconds) s beside \(messages) messages;",
        "log at most \(peaks.log >> 20) MiB, resident \(peaks.resident >> 20) MiB;",
        "message \(latencies[.message] ?? .init()); noop \(latencies[.noop] ?? .init())")
      #expect(peaks.log < Self.logLimit)
      // That it was held up, not served at once: the kernel's buffers hold some of it.
      #expect(taken < size / 2 && messages > 0)
    }

    /// Much is expunged at once, and the space is taken back, while mail comes in.
    @Test func expungingMuchHoldsNobodyUp() throws {
      let count = Self.isFull ? 1280 : 24
      let size = 4 * Self.mebibyte
      let office = try TestAppliance.running(
        extra: "[limits]\nmessage-size = \"50 MiB\"\nconnections = 3000\n", plaintext: true)
      let wire = try office.imap(seconds: 120)
      for _ in 0..<count { try append(wire, size) }
      let alone = GoodClient(office, pause: 2000)
      Thread.sleep(forTimeInterval: Self.isFull ? 10 : 1)
      let before = try alone.stop()
      let meter = Meter(office, asking: 5)
      let good = GoodClient(office, pause: 2000)
      let start = Crowd.now()
      _ = try wire.imap("STORE 1:* +FLAGS.SILENT (\\Deleted)")
      let answer = try wire.imap("EXPUNGE")
      let took = Crowd.now() - start
      Thread.sleep(forTimeInterval: Self.isFull ? 90 : 3)
      let latencies = try good.stop()
      let peaks = meter.stop()
      print(
        "bounds: expunge: \(count * size >> 20) MiB told in \(Int(took * 1000)) ms; log at most \(peaks.log >> 20) MiB;",
        "message alone \(before[.message] ?? .init()), meanwhile \(latencies[.message] ?? .init())")
      #expect(answer.count { $0.hasSuffix(" EXPUNGE") } == count)
      #expect(peaks.log < Self.logLimit)
      let message = latencies[.message] ?? .init()
      #expect(message.count > 0 && (message.p99 < (Self.isFull ? 0.05 : 1) || !Crowds.judgesCost), "\(message)")
      #expect(try office.count() == 0)
    }
  }
}

/// Senders and readers that never rest.
///
/// `@unchecked Sendable`: all that changes is behind `lock`.
private final class Load: @unchecked Sendable {
  private let lock = NSLock()
  private var isOver = false
  private var messages = 0
  private var failure: String?
  private let ended = DispatchGroup()

  init(_ office: TestAppliance, senders: Int) {
    for _ in 0..<senders {
      start { [self] in try send(office) }
    }
    start { [self] in try read(office) }
  }

  private func start(_ work: @escaping @Sendable () throws -> Void) {
    ended.enter()
    Thread { [self] in
      do {
        try work()
      } catch {
        lock.withLock { failure = "\(error)" }
      }
      ended.leave()
    }.start()
  }

  private func send(_ office: TestAppliance) throws {
    var wire = try Wire.greeted(office)
    var round = 0
    while !(lock.withLock { isOver }) {
      round += 1
      if round.isMultiple(of: Wire.messages) { wire = try Wire.greeted(office) }
      try wire.ask("MAIL FROM:<load@elsewhere.example>", 250)
      try wire.ask("RCPT TO:<carol@office.example>", 250)
      try wire.ask("DATA", 354)
      let mark = UInt64.random(in: 0...UInt64.max)
      try wire.send("Subject: \(mark)\r\n\r\n\(mark)\r\n\(String(repeating: "Much to do today.\r\n", count: 200)).\r\n")
      try wire.expect(250)
      wire.forget()
      lock.withLock { messages += 1 }
    }
  }

  private func read(_ office: TestAppliance) throws {
    let wire = try office.imap("carol", seconds: 60)
    while !(lock.withLock { isOver }) {
      _ = try wire.imap("NOOP")
      _ = try wire.imap("UID FETCH 1:* (FLAGS)")
      _ = try wire.imap("UID STORE 1:* +FLAGS.SILENT (\\Seen)")
      wire.forget()
    }
  }

  /// - Returns: the messages that were taken.
  func stop() throws -> Int {
    lock.withLock { isOver = true }
    ended.wait()
    if let failure = lock.withLock({ failure }) {
      throw TestAppliance.Failed(description: "the load broke: \(failure)")
    }
    return lock.withLock { messages }
  }
}
