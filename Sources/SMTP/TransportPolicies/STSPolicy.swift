/// A domain's MTA-STS policy, as it stands at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt` (RFC 8461 §3.2).
public struct STSPolicy: Hashable, Sendable {
  public enum Mode: String, Sendable, Hashable {
    /// Mail goes only to hosts that the policy names, over TLS that proves them.
    case enforce
    /// As with `none`, but failures are reported.
    case testing
    /// There is no policy, or none any more.
    case none
  }

  /// The largest document, in octets (RFC 8461 §3.3 suggests this limit).
  public static let longest = 64 * 1024
  /// The longest max_age, in seconds: about a year (RFC 8461 §3.2).
  public static let longestAge = 31_557_600
  /// More names of hosts than this are of no use.
  static let patternLimit = 1000

  public var mode: Mode
  /// In lower case: `mail.example.net`, or `*.example.net` for one label more.
  public var patterns: [String]
  /// For how many seconds it may be kept.
  public var maxAge: Int

  /// Why a document is no policy, as half a sentence.
  public struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  public init(mode: Mode, patterns: [String], maxAge: Int) {
    self.mode = mode
    self.patterns = patterns
    self.maxAge = maxAge
  }

  /// Reads a document. Unknown keys are for later versions; of a key that is there twice the first counts, but for mx.
  public init(_ document: [UInt8]) throws(Mistake) {
    guard document.count <= Self.longest else { throw Mistake(description: "the policy is too long") }
    var values: [String: String] = [:]
    var patterns: [String] = []
    for line in document.split(separator: 10) {
      let line = line.last == 13 ? line.dropLast() : line
      if PolicyFields.trimmed(line).isEmpty { continue }
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), line.isUTF8 else {
        throw Mistake(description: "a line of the policy is no field")
      }
      let key = String(decoding: line[..<colon], as: UTF8.self)
      let value = String(decoding: PolicyFields.trimmed(line[(colon + 1)...]), as: UTF8.self)
      if key == "mx" {
        guard let pattern = Self.pattern(value), patterns.count < Self.patternLimit else {
          throw Mistake(description: "the policy has an mx that is no host's name")
        }
        if !patterns.contains(pattern) { patterns.append(pattern) }
      } else if values[key] == nil {
        values[key] = value
      }
    }
    guard values["version"] == "STSv1" else { throw Mistake(description: "the policy's version is not STSv1") }
    guard let mode = values["mode"].flatMap({ Mode(rawValue: $0) }) else {
      throw Mistake(description: "the policy's mode is none of enforce, testing and none")
    }
    guard let age = values["max_age"], (1...10).contains(age.utf8.count),
      age.utf8.allSatisfy({ (48...57).contains($0) }),
      let seconds = Int(age)
    else { throw Mistake(description: "the policy's max_age is no number of seconds") }
    guard mode == .none || !patterns.isEmpty else { throw Mistake(description: "the policy names no mx") }
    self.init(mode: mode, patterns: patterns, maxAge: min(seconds, Self.longestAge))
  }

  /// Whether a mail exchanger is one of those that the policy names (RFC 8461 §4.1). A wildcard stands for exactly one label.
  public func names(_ host: String) -> Bool {
    let host = (host.hasSuffix(".") ? String(host.dropLast()) : host).lowercased()
    return patterns.contains { pattern in
      guard pattern.hasPrefix("*.") else { return pattern == host }
      guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return false }
      return host[host.index(after: dot)...] == pattern.dropFirst(2)
    }
  }

  /// The policy's lines, as the reports of RFC 8460 §4.4 have them.
  public var lines: [String] {
    ["version: STSv1", "mode: \(mode.rawValue)"] + patterns.map { "mx: \($0)" } + ["max_age: \(maxAge)"]
  }

  /// The name of the host that serves it; a certificate for this name is what makes it believable (RFC 8461 §3.3).
  public static func host(of domain: String) -> String { "mta-sts.\(domain)" }
  public static let path = "/.well-known/mta-sts.txt"

  /// Names are A-labels (RFC 8461 §3.2), so letters, digits and hyphens are all that can stand in them.
  private static func pattern(_ text: String) -> String? {
    var name = text.lowercased()[...]
    let isWildcard = name.hasPrefix("*.")
    if isWildcard { name = name.dropFirst(2) }
    if name.hasSuffix(".") { name = name.dropLast() }
    guard (1...253).contains(name.utf8.count) else { return nil }
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isFine = labels.allSatisfy { label in
      (1...63).contains(label.count)
        && label.allSatisfy { PolicyFields.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
    return isFine ? (isWildcard ? "*." : "") + name : nil
  }
}
