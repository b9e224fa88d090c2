public import Message
public import Platform
internal import Synchronization

/// The Sender Rewriting Scheme (SRS0 and SRS1 by Wong and Shevek): mail that is forwarded leaves with a reverse-path of
/// this host, in which the original one is written down, signed and dated. A notification to it is verified and goes back
/// to where the message came from; nobody else can make such an address, so the host is no open relay.
///
///     anna@far.example ──forward──▶ SRS0=HASH=DAY=far.example=anna@our.host ──bounce──▶ anna@far.example
///     SRS0=…@other.host ──forward──▶ SRS1=HASH=other.host==…@our.host ──bounce──▶ SRS0=…@other.host
///
/// A hash is 40 bits of HMAC-SHA-256 in base32, which survives hosts that change the case of letters. Forging one takes
/// half a million million attempts at RCPT, within ``lifetime``.
public final class SenderRewriting: Sendable {
  /// How long an address is good for: as long as servers try to deliver, several times over.
  public static let lifetime = 21

  /// What an address is to us.
  public enum Return: Hashable, Sendable {
    /// None of ours.
    case unrelated
    /// Good: it stands for this address.
    case sender(EmailAddress)
    /// It says that it is ours and is not, or not any more; why, as a sentence for a reply.
    case refused(String)
  }

  private let domain: @Sendable () -> String
  private let clock: Clock
  private let held: Mutex<[SRSKey]>

  /// - Parameters:
  ///   - domain: this host's name, the domain of the addresses.
  ///   - keys: the newest first; see ``SRSKey/current(_:now:random:)``. None: nothing is rewritten.
  public init(domain: @escaping @Sendable () -> String, clock: Clock = .system, keys: [SRSKey] = []) {
    self.domain = domain
    self.clock = clock
    held = Mutex(keys)
  }

  /// The keys, the newest first: it signs, all verify.
  public var keys: [SRSKey] {
    get { held.withLock { $0 } }
    set { held.withLock { $0 = newValue } }
  }

  // MARK: Forwarding

  /// The reverse-path of ours for a sender elsewhere. `nil`: there is no key, or no address can be so long.
  public func rewritten(_ sender: EmailAddress) -> EmailAddress? {
    // What stands between two separators of the scheme cannot hold one: address literals can.
    guard let key = keys.first, !sender.domain.utf8.contains(UInt8(ascii: "=")) else { return nil }
    let domain = domain()
    let address: SRSAddress
    if let opaque = SRSAddress.opaque(ofFirst: sender.localPart) {
      let host = sender.domainKey
      address = .again(hash: Self.hash(again: host, opaque, key), host: host, opaque: opaque)
    } else if case .again(_, let host, let opaque)? = SRSAddress(localPart: sender.localPart),
      EmailAddress(localPart: "SRS0" + opaque, domain: host) != nil
    {
      // The first forwarder stays the one to whom it goes back, so that the address does not grow from host to host.
      address = .again(hash: Self.hash(again: host, opaque, key), host: host, opaque: opaque)
    } else {
      let day = Self.day(clock.now())
      let hash = Self.hash(first: day, sender.domainKey, sender.localPart, key)
      address = .first(hash: hash, day: day, domain: sender.domainKey, local: sender.localPart)
    }
    return EmailAddress(localPart: address.localPart, domain: domain)
  }

  // MARK: Coming back

  /// To whom mail for an address goes back.
  public func returning(_ address: EmailAddress) -> Return {
    guard address.domainKey == domain().lowercased(), SRSAddress.isMeant(address.localPart) else { return .unrelated }
    guard let parsed = SRSAddress(localPart: address.localPart) else {
      return .refused("This return address is damaged")
    }
    switch parsed {
    case .first(let hash, let day, let domain, let local):
      guard isSigned(hash, by: { Self.hash(first: day, domain, local, $0) }) else { return .refused(Self.forged) }
      guard let age = Self.age(of: day, at: clock.now()), age <= Self.lifetime else {
        return .refused("This return address has expired")
      }
      return EmailAddress(localPart: local, domain: domain).map { .sender($0) } ?? .refused(Self.forged)
    case .again(let hash, let host, let opaque):
      guard isSigned(hash, by: { Self.hash(again: host, opaque, $0) }) else { return .refused(Self.forged) }
      // Its age is for the host that wrote it to judge.
      return EmailAddress(localPart: "SRS0" + opaque, domain: host).map { .sender($0) } ?? .refused(Self.forged)
    }
  }

  private static let forged = "This return address was not made here"

  private func isSigned(_ hash: String, by make: (SRSKey) -> String) -> Bool {
    let given = Array(hash.uppercased().utf8)
    // All keys are tried, whichever fits, so that the time tells nothing.
    return keys.reduce(false) { found, key in constantTimeEqual(given, Array(make(key).utf8)) || found }
  }

  // MARK: Parts

  private static func hash(first day: String, _ domain: String, _ local: String, _ key: SRSKey) -> String {
    hash(["0", day, domain, local], key)
  }

  private static func hash(again host: String, _ opaque: String, _ key: SRSKey) -> String {
    hash(["1", host, opaque], key)
  }

  /// Over the parts in lower case, with an octet between them that none of them can have.
  private static func hash(_ parts: [String], _ key: SRSKey) -> String {
    let text = parts.joined(separator: "\0")
    let digest = hmacSHA256(key: key.secret, text.utf8.map { $0 >= 65 && $0 <= 90 ? $0 | 0x20 : $0 })
    return base32(digest.prefix(5).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, digits: 8)
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  private static func base32(_ number: UInt64, digits: Int) -> String {
    var rest = number
    var bytes = [UInt8](repeating: 0, count: digits)
    for index in bytes.indices.reversed() {
      bytes[index] = alphabet[Int(rest & 31)]
      rest >>= 5
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Days since 1970, of which two digits of base32 are written.
  private static let cycle = 1024

  private static func number(_ moment: Moment) -> Int {
    let days = Int(clamping: moment.seconds / 86_400) % cycle
    return days < 0 ? days + cycle : days
  }

  private static func day(_ moment: Moment) -> String { base32(UInt64(number(moment)), digits: 2) }

  /// How many days ago a day was; `nil` if it is none. Tomorrow is today: clocks differ.
  private static func age(of day: String, at now: Moment) -> Int? {
    let digits = day.uppercased().utf8.map { alphabet.firstIndex(of: $0) }
    guard digits.count == 2, let high = digits[0], let low = digits[1] else { return nil }
    let age = (number(now) - (high * 32 + low) + cycle) % cycle
    return age == cycle - 1 ? 0 : age
  }
}
