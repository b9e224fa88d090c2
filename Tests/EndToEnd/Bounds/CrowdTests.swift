import Foundation
import Testing

/// Everything that overloads an appliance, one after the other: nothing else may take of the machine meanwhile.
@Suite(.serialized) enum Bounds {}

extension Bounds {
  /// Whoever sends much, slowly, endlessly or in crowds costs the appliance a bounded amount, and the others hardly any time.
  ///
  /// CI runs a short form; `POSTROOM_BOUNDS=full` runs the sizes that `Benchmarks/BOUNDS.md` tells of.
  @Suite(.serialized) struct Crowds {
    static let isFull = ProcessInfo.processInfo.environment["POSTROOM_BOUNDS"] == "full"
    /// A sanitizer takes memory and time of its own: then only what must hold anyway is judged.
    static let judgesCost = ProcessInfo.processInfo.environment["POSTROOM_SANITIZED"] == nil
    /// How long a good client's slowest hundredth may take beside an attack. The short form runs on a debug build, which looks at
    /// a few megabytes of content a second and shares two cores with its attackers: it can tell a stop, and prints the rest.
    static let patience = isFull ? 0.25 : 30.0
    static let mebibyte = 1 << 20

    /// Runs an attack beside a good client, under the meter; says what it found.
    private func meanwhile(
      _ name: String, _ office: TestAppliance, _ attack: () throws -> Void
    ) throws -> (before: Int, peaks: Meter.Peaks) {
      let quiet = GoodClient(office)
      Thread.sleep(forTimeInterval: Self.isFull ? 5 : 1)
      let alone = try quiet.stop()
      let before = Meter.resident(of: office.processID)
      let meter = Meter(office)
      let good = GoodClient(office)
      try attack()
      let latencies = try good.stop()
      let peaks = meter.stop()
      print("bounds: \(name): resident \(Self.size(before)), at most \(Self.size(peaks.resident))", terminator: "; ")
      print("staged \(Self.size(peaks.staged)) of \(Self.size(peaks.stagingLimit))", terminator: ", ")
      print("of one peer \(Self.size(peaks.stagedOfOne)) of \(Self.size(peaks.stagingLimitOfOne))", terminator: "; ")
      print("disk \(Self.size(peaks.disk)), log \(Self.size(peaks.log)), \(peaks.descriptors) descriptors")
      for action in GoodClient.Action.allCases {
        let (then, now) = (alone[action] ?? .init(), latencies[action] ?? .init())
        print("bounds: \(name): \(action.rawValue) alone \(then); meanwhile \(now)")
        #expect(
          now.count > 0 && (now.p99 < Self.patience || !Self.judgesCost), "\(name): \(action.rawValue) took \(now)")
      }
      #expect(peaks.staged <= peaks.stagingLimit)
      #expect(peaks.stagedOfOne <= peaks.stagingLimitOfOne)
      #expect(office.isRunning, "\(office.log)")
      return (before, peaks)
    }

    private static func size(_ octets: Int) -> String { String(format: "%.1f MiB", Double(octets) / 1_048_576) }

    private static func office(_ limits: String = "") throws -> TestAppliance {
      try TestAppliance.running(extra: "[limits]\nconnections = 3000\n\(limits)", plaintext: true)
    }

    /// 200 connections that send 50 MiB each, slowly: 160 from as many addresses, 40 from one.
    @Test func manySlowSenders() throws {
      // A debug build looks at some megabytes a second: the short form leaves it time for others.
      let size = Self.isFull ? 50 * Self.mebibyte : Self.mebibyte / 2
      let limits =
        Self.isFull ? "" : "message-size = \"1 MiB\"\nstaging = \"20 MiB\"\nstaging-per-address = \"2 MiB\"\n"
      let office = try Self.office(limits)
      var replies: [String: Int] = [:]
      let (before, peaks) = try meanwhile("slow senders", office) {
        let crowd = Crowd(port: try office.port("smtp"))
        for number in 0..<200 { crowd.enter(from: min(number, 160)) }
        #expect(crowd.guests.count == 200)
        let senders = SlowSenders(crowd, size: size, seconds: Self.isFull ? 120 : 10)
        replies = senders.run(until: Crowd.now() + (Self.isFull ? 420 : 45))
        crowd.leave()
      }
      print("bounds: slow senders: replies \(replies.sorted { $0.key < $1.key })")
      #expect(replies.values.reduce(0, +) == 200, "somebody heard nothing: \(replies)")
      #expect(replies["452", default: 0] > 0, "the staging was never full: \(replies)")
      #expect(replies["250", default: 0] > 0, "those who were refused kept what they had from the others: \(replies)")
      #expect(peaks.stagedOfOne > 0 && peaks.stagingLimitOfOne * 10 <= peaks.stagingLimit)
      // What is in memory of each: the last pieces before they are staged, and what the connection has read.
      #expect(peaks.resident < before + 200 * Self.mebibyte || !Self.judgesCost, "\(peaks)")
      #expect(peaks.disk < peaks.stagingLimit * 3 / 2 + replies["250", default: 0] * size + 200 * Self.mebibyte)
      #expect(try office.count() == replies["250", default: 0])
      try TestAppliance.wait("the staging is given back") {
        try office.list("status").first?["stagedBytes"] as? Int == 0
      }
    }

    /// Messages that are given up again and again: what they left must go as fast as they come.
    @Test func sendersWhoGiveUp() throws {
      let size = (Self.isFull ? 40 : 2) * Self.mebibyte
      let office = try Self.office(
        Self.isFull ? "" : "message-size = \"3 MiB\"\nstaging = \"40 MiB\"\nstaging-per-address = \"4 MiB\"\n")
      let rounds = Self.isFull ? 20 : 6
      let (_, peaks) = try meanwhile("senders who give up", office) {
        for _ in 0..<rounds {
          let crowd = Crowd(port: try office.port("smtp"))
          for number in 0..<10 { crowd.enter(from: number) }
          // Everything but the final dot.
          _ = SlowSenders(crowd, size: size, seconds: 1, isEnding: false).run(until: Crowd.now() + 30)
          crowd.leave()
        }
      }
      #expect(peaks.disk < peaks.stagingLimit * 2 + 200 * Self.mebibyte, "\(peaks)")
    }

    /// 2,000 connections that say hello and nothing more.
    @Test func manyIdle() throws {
      let office = try Self.office()
      let count = 2000
      let (before, peaks) = try meanwhile("idle", office) {
        let crowds = [Crowd(port: try office.port("smtp")), Crowd(port: try office.port("imap"))]
        for number in 0..<count {
          let crowd = crowds[number % 2]
          let guest = crowd.enter(from: number / 100)
          if let guest, number % 2 == 0 { crowd.say("EHLO idle.example\r\n", to: guest) }
          if number % 100 == 99 { for crowd in crowds { crowd.look() } }
        }
        let end = Crowd.now() + (Self.isFull ? 60 : 3)
        while Crowd.now() < end { for crowd in crowds { crowd.look(50) } }
        let served = crowds.flatMap(\.guests).count { !$0.isClosed && !$0.input.isEmpty }
        #expect(served == count)
      }
      let each = (peaks.resident - before) / count
      print("bounds: idle: \(each) octets each")
      #expect(each < 60 << 10 || !Self.judgesCost)
    }

    /// One octet now and then. Each wait has its end: for a whole line, not for the next octet (RFC 5321 §4.5.3.2.7).
    @Test func slowLoris() throws {
      let office = try Self.office()
      let (before, peaks) = try meanwhile("slow loris", office) {
        let crowds = [
          Crowd(port: try office.port("smtp")), Crowd(port: try office.port("imap")),
          Crowd(port: try office.port("imaps")),
        ]
        for crowd in crowds { for number in 0..<200 { crowd.enter(from: number) } }
        let end = Crowd.now() + (Self.isFull ? 330 : 5)
        var due = 0.0
        while Crowd.now() < end {
          for crowd in crowds {
            crowd.look(10)
            guard Crowd.now() >= due else { continue }
            for guest in crowd.guests { crowd.say("A", to: guest) }
          }
          if Crowd.now() >= due { due = Crowd.now() + 1 }
        }
        if Self.isFull {
          let there = crowds.map { $0.guests.count { !$0.isClosed } }
          print("bounds: slow loris: still there \(there)")
          #expect(there == [0, 0, 0])
        }
      }
      #expect(peaks.resident < before + 600 * (100 << 10) || !Self.judgesCost, "\(peaks)")
    }

    /// Lines and literals without end, on every service that reads them in plain text.
    @Test func endlessLinesAndLiterals() throws {
      let office = try Self.office()
      let count = Self.isFull ? 100 : 20
      let (before, peaks) = try meanwhile("endless", office) {
        let beginnings = [
          ("smtp", ""), ("smtp", "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@office.example>\r\nDATA\r\n"),
          ("imap", ""), ("imap", "a LOGIN {99999999+}\r\n"), ("imap", "a LOGIN {2000000000}\r\n"),
          ("imap", "a LOGIN alice \"\(TestAppliance.password)\"\r\nb SEARCH {900000000+}\r\n"),
          ("imap", "a LOGIN alice \"\(TestAppliance.password)\"\r\nb APPEND INBOX {900000000+}\r\n"),
          ("imap", "a LOGIN alice \"\(TestAppliance.password)\"\r\nb SEARCH "),
        ]
        var crowds: [Crowd] = []
        for (service, beginning) in beginnings {
          let crowd = Crowd(port: try office.port(service))
          for number in 0..<count {
            if let guest = crowd.enter(from: number) { crowd.say(beginning, to: guest) }
          }
          crowds.append(crowd)
        }
        let piece = [UInt8](repeating: UInt8(ascii: "A"), count: 65536)
        let end = Crowd.now() + (Self.isFull ? 60 : 8)
        while Crowd.now() < end, crowds.contains(where: { $0.guests.contains { !$0.isClosed } }) {
          for crowd in crowds {
            crowd.look(1)
            for guest in crowd.guests {
              guest.input.removeAll()
              if guest.sent < 64 * Self.mebibyte { crowd.send(piece, to: guest, whole: false) }
            }
          }
        }
        let open = crowds.map { $0.guests.count { !$0.isClosed } }
        print("bounds: endless: still open \(open)")
      }
      // Lines of 256 KiB and commands of 1 MiB may come from those who are logged in, 64 KiB from all others.
      #expect(peaks.resident < before + count * 4 * Self.mebibyte || !Self.judgesCost, "\(peaks)")
    }

    /// Handshakes that are begun and left: each costs the server a signature.
    @Test func handshakeFlood() throws {
      let office = try Self.office()
      let hello = try Self.clientHello()
      let (before, peaks) = try meanwhile("handshakes", office) {
        var done = 0
        let end = Crowd.now() + (Self.isFull ? 60 : 5)
        while Crowd.now() < end {
          let crowd = Crowd(port: try office.port(done % 2 == 0 ? "submissions" : "imaps"))
          for number in 0..<20 {
            guard let guest = crowd.enter(from: number) else { continue }
            crowd.send(hello, to: guest)
          }
          // Half of them wait for the server's answer, which is the dear part.
          let patience = Crowd.now() + 1
          while Crowd.now() < patience, crowd.guests.contains(where: { !$0.isClosed && $0.input.isEmpty }) {
            crowd.look(5)
          }
          done += crowd.guests.count { !$0.input.isEmpty }
          crowd.leave()
        }
        print("bounds: handshakes: \(done) answered")
        #expect(done > 0)
      }
      #expect(peaks.resident < before + 100 * Self.mebibyte || !Self.judgesCost, "\(peaks)")
    }

    /// A valid first message of a TLS client.
    private static func clientHello() throws -> [UInt8] {
      let script = """
        import ssl
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        try: context.wrap_bio(incoming, outgoing, server_hostname="mail.office.example").do_handshake()
        except ssl.SSLWantReadError: pass
        print(outgoing.read().hex())
        """
      let hex = Array(try Program.run("python3", ["-c", script]).output.trimmingCharacters(in: .newlines))
      return stride(from: 0, to: hex.count - 1, by: 2).compactMap { UInt8(String(hex[$0...$0 + 1]), radix: 16) }
    }

    /// 100,000 recipients on one connection, as fast as they can be written; a message has 1000 at most.
    @Test func recipientsWithoutEnd() throws {
      let office = try Self.office()
      let count = Self.isFull ? 100_000 : 20_000
      var replies: [String: Int] = [:]
      let (before, peaks) = try meanwhile("recipients", office) {
        let crowd = Crowd(port: try office.port("smtp"))
        guard let guest = crowd.enter(from: 0) else { return }
        crowd.say("EHLO x\r\nMAIL FROM:<a@b.example>\r\n", to: guest)
        let line = "RCPT TO:<alice+tag@office.example>\r\n"
        let lines = Array(String(repeating: line, count: 1000).utf8)
        var sent = 0
        let end = Crowd.now() + 120
        while Crowd.now() < end, !guest.isClosed, replies.values.reduce(0, +) < count + 3 {
          crowd.look(1)
          for reply in guest.lines() where reply.dropFirst(3).first == " " {
            replies[String(reply.prefix(3)), default: 0] += 1
          }
          if sent < count, replies.values.reduce(0, +) + 5000 > sent {
            crowd.send(lines, to: guest)
            sent += 1000
          }
        }
      }
      print("bounds: recipients: replies \(replies)")
      #expect(replies["250"] == 1002 && replies["452"] == count - 1000 || replies["421"] == 1, "\(replies)")
      #expect(peaks.resident < before + 50 * Self.mebibyte || !Self.judgesCost, "\(peaks)")
    }
  }
}
