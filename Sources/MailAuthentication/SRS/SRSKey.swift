public import Platform
public import Store

/// A key that signs return addresses: a new one every month, the old ones verify for as long as their addresses live.
public struct SRSKey: Hashable, Sendable {
  /// When it began to sign.
  public let made: Moment
  public let secret: [UInt8]

  public init(made: Moment, secret: [UInt8]) {
    self.made = made
    self.secret = secret
  }

  /// How long a key signs.
  static let signing = Duration.seconds(30 * 86_400)
  /// How long it verifies after that: an address made on its last day, and a day for clocks that differ.
  static let verifying = Duration.seconds(Int64(SenderRewriting.lifetime + 2) * 86_400)
  static let size = 32

  /// The keys that should be there, the newest first, made out of those that are.
  ///
  /// - Parameter random: gives so many random bytes.
  public static func current(
    _ keys: [SRSKey], now: Moment, random: (Int) -> [UInt8] = { randomBytes($0) }
  ) -> [SRSKey] {
    let known = keys.sorted { $0.made > $1.made }
    // One from the future was made by a clock that was wrong: it verifies, and does not sign.
    let signer =
      known.first { $0.made <= now && now - $0.made < signing } ?? SRSKey(made: now, secret: random(size))
    return [signer] + known.filter { $0 != signer && now - $0.made < signing + verifying }
  }
}

/// Where the keys are: in the database, as secrets of the house.
extension SRSKey {
  private static let setting = "srs-keys"

  /// Reads the keys and renews them where it is time to.
  ///
  /// - Returns: the keys, the newest first.
  public static func load(from store: Store, now: Moment) async throws -> [SRSKey] {
    let stored = try await store.read { decode(try $0.setting(setting) ?? []) }
    let wanted = current(stored, now: now)
    guard wanted != stored, !store.isReadOnly else { return store.isReadOnly ? stored : wanted }
    return try await store.write { transaction in
      // Whoever was faster has made the key.
      let keys = current(decode(try transaction.setting(setting) ?? []), now: now)
      try transaction.setSetting(setting, encode(keys))
      return keys
    }
  }

  /// A key is 8 octets of time in microseconds and the secret.
  static func encode(_ keys: [SRSKey]) -> [UInt8] {
    keys.flatMap { key in
      (0..<8).map { UInt8(truncatingIfNeeded: key.made.microseconds >> (56 - 8 * Int64($0))) } + key.secret
    }
  }

  static func decode(_ bytes: [UInt8]) -> [SRSKey] {
    stride(from: 0, through: bytes.count - 8 - size, by: 8 + size).map { start in
      let made = bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return SRSKey(
        made: Moment(microseconds: Int64(bitPattern: made)), secret: Array(bytes[start + 8..<start + 8 + size]))
    }
  }
}
