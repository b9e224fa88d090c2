extension Lesson {
  /// Octets of one token.
  public static let tokenSize = 6

  /// Tokens as a lesson's row has them, and a request: six octets each, the highest first.
  public static func octets(of tokens: [UInt64]) -> [UInt8] {
    var octets: [UInt8] = []
    octets.reserveCapacity(tokens.count * tokenSize)
    for token in tokens {
      for shift in stride(from: UInt64(40), through: 0, by: -8) {
        octets.append(UInt8(truncatingIfNeeded: token >> shift))
      }
    }
    return octets
  }

  /// The way back. What is left behind the last whole token is nothing.
  public static func tokens(in octets: some RandomAccessCollection<UInt8>) -> [UInt64] {
    stride(from: 0, to: octets.count - octets.count % tokenSize, by: tokenSize).map { offset in
      octets.dropFirst(offset).prefix(tokenSize).reduce(0) { $0 << 8 | UInt64($1) }
    }
  }
}
