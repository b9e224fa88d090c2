import Message
import Platform
import Reception
import Synchronization
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

@Suite("The pace of peers") struct PeerPaceTests {
  /// A clock that is set, and what was slept.
  final class Time: Sendable {
    private let state = Mutex((now: Moment(seconds: 1_800_000_000), slept: [Duration]()))
    var slept: [Duration] { state.withLock { $0.slept } }
    func pass(_ time: Duration) { state.withLock { $0.now = $0.now + time } }
    func pace() -> PeerPace {
      PeerPace(clock: Clock { self.state.withLock { $0.now } }) { time in self.state.withLock { $0.slept.append(time) }
      }
    }
  }

  private let time = Time()
  private let peer = IPAddress("192.0.2.7")

  @Test func soManyMessagesAMinuteAndNoMore() {
    let pace = time.pace()
    #expect((0..<10).allSatisfy { _ in pace.take(peer, limit: 10) })
    #expect(!pace.hasRoom(peer, limit: 10) && !pace.take(peer, limit: 10))
    #expect(pace.take(IPAddress("192.0.2.8"), limit: 10))
    time.pass(.seconds(6))
    #expect(pace.take(peer, limit: 10) && !pace.take(peer, limit: 10))
    time.pass(.seconds(60))
    #expect((0..<10).allSatisfy { _ in pace.take(peer, limit: 10) })
  }

  @Test func aNetworkOfIPv6IsOnePeerAndOursAreNotCounted() {
    let pace = time.pace()
    #expect(pace.take(IPAddress("2001:db8::1"), limit: 1) && !pace.take(IPAddress("2001:db8::2"), limit: 1))
    #expect((0..<10).allSatisfy { _ in pace.take(IPAddress("127.0.0.1"), limit: 1) && pace.take(nil, limit: 1) })
  }

  @Test func refusalsBecomeSlowerUpToABound() async {
    let pace = time.pace()
    for _ in 0..<5 { await pace.refused(peer, limit: 10, longest: .seconds(3)) }
    #expect(time.slept.isEmpty)
    for _ in 0..<5 { await pace.refused(peer, limit: 10, longest: .seconds(3)) }
    #expect(time.slept == [1, 2, 3, 3, 3].map { .seconds($0) })
    time.pass(.seconds(3600))
    await pace.refused(peer, limit: 10, longest: .seconds(3))
    await pace.refused(peer, limit: 10, longest: .zero)
    #expect(time.slept.count == 5)
  }

  @Test func thePortPutsOff() async throws {
    let policy = MXPolicy(pace: time.pace())
    let session = ReceptionSession(
      service: .smtp, peer: peer, configuration: try Configuration(text: RunnerBench.text))
    let envelope = Envelope(
      origin: .mx, reversePath: EmailAddress("eve@far.example"), recipients: [],
      receivedAt: Moment(seconds: 1_800_000_000))
    for _ in 0..<300 { #expect(await policy.mail(envelope, declaredSize: nil, session) == nil) }
    #expect(await policy.mail(envelope, declaredSize: nil, session)?.code == 451)
    guard case .refuse(let answer) = await policy.connect(session) else {
      Issue.record("who sends too much is let in")
      return
    }
    #expect(answer.code == 421)
  }
}
