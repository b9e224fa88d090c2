public import Platform

/// Message identifiers (RFC 5322 §3.6.4), with their angle brackets.
public enum MessageIdentifier {
  /// The identifiers in a Message-ID, In-Reply-To or References field, at most 1,000, each with its angle brackets and
  /// without white space.
  public static func all(in body: some Collection<UInt8>) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var current: [UInt8]?
    for byte in body {
      switch byte {
      case UInt8(ascii: "<"): current = [byte]
      case UInt8(ascii: ">"):
        if let done = current, done.count > 1 { result.append(done + [byte]) }
        current = nil
        if result.count == 1000 { return result }
      default:
        if !ASCII.isSpace(byte) { current?.append(byte) }
      }
    }
    return result
  }

  /// The first identifier.
  public static func first(in body: some Collection<UInt8>) -> [UInt8]? { all(in: body).first }

  /// A new identifier: the time and 80 random bits, at this host. Two are never equal.
  public static func make(host: String, at moment: Moment, random: [UInt8] = randomBytes(10)) -> String {
    let entropy = random.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }
    return "<\(String(moment.microseconds, radix: 36)).\(entropy.joined())@\(host)>"
  }
}
