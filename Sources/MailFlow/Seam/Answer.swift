/// What the appliance answers to a client in SMTP's terms, without SMTP's syntax: Reception makes a reply of it.
public struct Answer: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The reply code of RFC 5321 §4.2: 250, 451, 550…
  public var code: Int
  /// The enhanced status code of RFC 3463: `2.0.0`, `4.3.0`, `5.1.1`…
  public var enhanced: String
  /// One line of printable ASCII for a person; without codes and line ends.
  public var text: String

  public init(_ code: Int, _ enhanced: String, _ text: String) {
    self.code = code
    self.enhanced = enhanced
    self.text = text
  }

  /// 2yz: accepted.
  public var isPositive: Bool { (200..<300).contains(code) }
  /// 4yz: try again later.
  public var isTransient: Bool { (400..<500).contains(code) }
  /// 5yz: refused for good.
  public var isPermanent: Bool { (500..<600).contains(code) }

  public var description: String { "\(code) \(enhanced) \(text)" }
}
