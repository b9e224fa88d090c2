import Platform
import Testing

@testable import Accounts

@Suite struct GuessThrottleTests {
  let start = Moment(seconds: 1_700_000_000)
  func peer(_ text: String) -> IPAddress { IPAddress(text)! }

  /// How long each of several attempts in a row has to wait; `nil` for a refused one.
  func waits(
    _ throttle: GuessThrottle, _ count: Int, subject: String = "alice", from peers: [String], known: Bool = false
  )
    -> [Duration?]
  {
    (0..<count).map { number in
      throttle.admit(subject: subject, peer: peer(peers[number % peers.count]), isKnown: known, at: start)?.wait
    }
  }

  @Test func aFewMistakesCostNothing() {
    #expect(waits(GuessThrottle(), 5, from: ["192.0.2.1"]) == Array(repeating: .zero, count: 5))
  }

  @Test func aNetworkOfGuessersIsStopped() {
    let waits = waits(GuessThrottle(), 100, from: (1...200).map { "192.0.2.\($0)" })
    #expect(waits.compactMap { $0 }.count < 15)
    #expect(waits.compactMap { $0 }.allSatisfy { $0 <= .seconds(10) })
    let six = self.waits(GuessThrottle(), 100, from: (1...200).map { "2001:db8::\($0)" })
    #expect(six.compactMap { $0 }.count < 15)
  }

  @Test func otherNetworksDoNotSuffer() {
    let throttle = GuessThrottle()
    _ = waits(throttle, 100, subject: "bob", from: ["192.0.2.1"])
    #expect(waits(throttle, 1, from: ["192.0.3.1"]) == [.zero])
    #expect(waits(throttle, 1, from: ["192.0.2.77"]) == [nil])
  }

  @Test func aPlaceOfAnEarlierLoginHasItsOwnLine() {
    let throttle = GuessThrottle()
    _ = waits(throttle, 1000, from: (1...200).map { "192.0.2.\($0)" })
    #expect(waits(throttle, 1, from: ["192.0.2.1"], known: true) == [.zero])
  }

  @Test func guessesFromAKnownPlaceAreSlowedAndNeverLockedOut() throws {
    let throttle = GuessThrottle()
    var now = start
    var passed = 0
    // Somebody behind the same address guesses without a pause, for a minute, each time as soon as they are let in.
    while now < start + .seconds(60) {
      let ticket = throttle.admit(subject: "alice", peer: peer("192.0.2.1"), isKnown: true, at: now)
      now = now + (ticket?.wait ?? .seconds(1)) + .milliseconds(1)
      passed += 1
    }
    #expect(passed < 400)
    let mine = try #require(
      throttle.admit(subject: "alice", peer: peer("192.0.2.1"), isKnown: true, at: now + .seconds(1)))
    #expect(mine.wait <= .seconds(1))
  }

  @Test func manyMachinesGuessOneAccountSlowly() {
    let throttle = GuessThrottle()
    // 5,000 networks, two guesses each, within one second.
    let waits = waits(throttle, 10_000, from: (0..<5000).map { "10.\($0 / 250).\($0 % 250).1" })
    #expect(waits.compactMap { $0 }.count < 600)
  }

  @Test func successIsNoFailure() throws {
    let throttle = GuessThrottle()
    for _ in 0..<1000 {
      let ticket = try #require(throttle.admit(subject: "alice", peer: peer("192.0.2.1"), isKnown: false, at: start))
      #expect(ticket.wait == .zero)
      throttle.giveBack(ticket)
    }
  }

  @Test func mistakesAreForgotten() {
    let throttle = GuessThrottle()
    #expect(waits(throttle, 50, from: ["192.0.2.1"]).last == .some(nil))
    let later = start + .seconds(3600)
    #expect(throttle.admit(subject: "alice", peer: peer("192.0.2.1"), isKnown: false, at: later)?.wait == .zero)
  }

  @Test func aClockThatIsSetBackLocksNobodyOut() {
    let throttle = GuessThrottle()
    for _ in 0..<50 { _ = throttle.admit(subject: "alice", peer: peer("192.0.2.1"), isKnown: true, at: start) }
    let earlier = start - .seconds(86_400 * 365)
    var now = earlier
    var admitted = 0
    for _ in 0..<20 {
      now = now + .seconds(2)
      if throttle.admit(subject: "alice", peer: peer("192.0.2.1"), isKnown: true, at: now) != nil { admitted += 1 }
    }
    #expect(admitted >= 19)
  }

  @Test func memoryIsBounded() {
    let throttle = GuessThrottle(limit: 1000)
    for number in 0..<20_000 {
      let ip = IPAddress(bytes: [10, UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255)])!
      _ = throttle.admit(subject: "user \(number)", peer: ip, isKnown: false, at: start + .milliseconds(number))
    }
    #expect(throttle.count <= 1001)
  }
}
