import Message
import Platform
import Synchronization
import Testing

@testable import MailAuthentication

@Suite("The Sender Rewriting Scheme")
struct SRSTests {
  static let day = Duration.seconds(86_400)
  static let start = Moment(seconds: 1_800_000_000)

  final class HandClock: Sendable {
    private let held = Mutex(SRSTests.start)
    var clock: Clock { Clock { [self] in held.withLock { $0 } } }
    func turn(_ step: Duration) { held.withLock { $0 = $0 + step } }
  }

  let time = HandClock()
  let key = SRSKey(made: start, secret: Array(repeating: 7, count: 32))

  func host(_ name: String = "mail.office.example", keys: [SRSKey]? = nil) -> SenderRewriting {
    SenderRewriting(domain: { name }, clock: time.clock, keys: keys ?? [key])
  }

  func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }

  @Test(arguments: [
    "anna@far.example", "a=b=c@far.example", "\"odd one\"@far.example", "SRS@far.example", "x+y-z@FAR.example",
    "j\u{fc}rgen@far.example", "SRS2=x@far.example", "SRS0=@far.example", "SRS1=H=no+domain==x@far.example",
  ])
  func whatIsRewrittenComesBack(_ text: String) throws {
    let (host, sender) = (host(), try address(text))
    let rewritten = try #require(host.rewritten(sender))
    #expect(rewritten.domain == "mail.office.example" && rewritten.localPart.hasPrefix("SRS0="))
    #expect(host.returning(rewritten) == .sender(sender))
  }

  @Test func whatAnotherForwarderHasRewrittenGoesBackThroughIt() throws {
    let (other, third, ours) = (host("one.example"), host("two.example"), host())
    let sender = try address("anna@far.example")
    let first = try #require(other.rewritten(sender))
    let second = try #require(ours.rewritten(first))
    #expect(second.localPart.hasPrefix("SRS1=") && second.localPart.contains("=one.example=="))
    #expect(ours.returning(second) == .sender(first))
    // A third forwarder goes back to the first: the address does not grow.
    let next = try #require(third.rewritten(second))
    #expect(third.returning(next) == .sender(first))
    #expect(other.returning(first) == .sender(sender))
  }

  @Test func otherSeparatorsOfOtherHostsAreKept() throws {
    for separator in ["+", "-"] {
      let theirs = try address("SRS0\(separator)HHH=TT=far.example=anna@one.example")
      let ours = host()
      #expect(ours.returning(try #require(ours.rewritten(theirs))) == .sender(theirs))
    }
  }

  @Test func aChangedCaseOfLettersDoesNoHarm() throws {
    let host = host()
    let rewritten = try #require(host.rewritten(try address("anna@far.example")))
    let lowered = try address("\(rewritten.localPart.lowercased())@MAIL.office.example")
    #expect(host.returning(lowered) == .sender(try address("anna@far.example")))
  }

  @Test func nobodyElseCanMakeOne() throws {
    let host = host()
    let rewritten = try #require(host.rewritten(try address("anna@far.example")))
    let others = [
      rewritten.localPart.replacing("anna", with: "bert"), rewritten.localPart.replacing("far", with: "near"),
      "SRS0=AAAAAAAA=AA=far.example=anna", "SRS0=x", "SRS0==AA=far.example=anna", "SRS1=AAAAAAAA=one.example==x",
      "SRS1=a=b", "SRS0=a=b=c=",
    ]
    for local in others {
      guard case .refused = host.returning(try #require(EmailAddress(localPart: local, domain: "mail.office.example")))
      else {
        Issue.record("\(local) was taken")
        continue
      }
    }
    let strange = SenderRewriting(
      domain: { "mail.office.example" }, clock: time.clock,
      keys: [SRSKey(made: Self.start, secret: Array(repeating: 8, count: 32))])
    #expect(strange.returning(rewritten) == .refused("This return address was not made here"))
  }

  @Test func addressesOfOthersAreNotOurs() throws {
    let host = host()
    #expect(host.returning(try address("anna@mail.office.example")) == .unrelated)
    #expect(host.returning(try address("SRS0=a=b=c=d@far.example")) == .unrelated)
  }

  @Test func itExpires() throws {
    let host = host()
    let rewritten = try #require(host.rewritten(try address("anna@far.example")))
    time.turn(Self.day * 21)
    #expect(host.returning(rewritten) == .sender(try address("anna@far.example")))
    time.turn(Self.day)
    #expect(host.returning(rewritten) == .refused("This return address has expired"))
    // A clock that is a day behind takes it; after a full cycle of 1,024 days the hash alone would, once more.
    time.turn(Self.day * -23)
    #expect(host.returning(rewritten) == .sender(try address("anna@far.example")))
  }

  @Test func withoutAKeyNothingIsRewritten() throws {
    #expect(host(keys: []).rewritten(try address("anna@far.example")) == nil)
  }

  @Test func tooLongIsNotRewritten() throws {
    let long = try #require(
      EmailAddress(localPart: String(repeating: "a", count: 250), domain: "far.example"))
    #expect(host().rewritten(long) == nil)
  }

  // MARK: Keys

  @Test func keysRotateAndOldOnesVerifyWhileTheirAddressesLive() throws {
    var number: UInt8 = 0
    func random(_ count: Int) -> [UInt8] {
      number += 1
      return Array(repeating: number, count: count)
    }
    var keys = SRSKey.current([], now: Self.start, random: random)
    #expect(keys.count == 1)
    let host = host(keys: keys)
    // On the last day on which it signs.
    time.turn(Self.day * 29)
    keys = SRSKey.current(keys, now: Self.start + Self.day * 29, random: random)
    #expect(keys.count == 1)
    let last = try #require(host.rewritten(try address("anna@far.example")))
    keys = SRSKey.current(keys, now: Self.start + Self.day * 30, random: random)
    #expect(keys.count == 2 && keys.first?.secret.first == 2)
    host.keys = keys
    for _ in 0..<21 { time.turn(Self.day) }
    keys = SRSKey.current(keys, now: Self.start + Self.day * 50, random: random)
    host.keys = keys
    #expect(host.returning(last) == .sender(try address("anna@far.example")))
    keys = SRSKey.current(keys, now: Self.start + Self.day * 54, random: random)
    #expect(keys.map { $0.secret.first } == [2])
  }

  @Test func aKeyFromTheFutureSignsNoMore() {
    let wrong = SRSKey(made: Self.start + Self.day * 365, secret: [1])
    let keys = SRSKey.current([wrong], now: Self.start, random: { Array(repeating: 9, count: $0) })
    #expect(keys.first?.made == Self.start && keys.contains(wrong))
  }

  @Test func keysAreKeptAsBytes() {
    let keys = [key, SRSKey(made: Self.start - Self.day, secret: Array(0..<32))]
    #expect(SRSKey.decode(SRSKey.encode(keys)) == keys)
    #expect(SRSKey.decode([1, 2, 3]).isEmpty && SRSKey.decode([]).isEmpty)
  }
}
