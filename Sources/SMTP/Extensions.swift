/// What a remote server announced in its reply to EHLO (RFC 5321 §4.1.1.1).
public struct Extensions: Sendable, Equatable {
  /// Keyword in upper case → parameters as they came.
  public private(set) var keywords: [String: [String]] = [:]

  /// Nothing: after HELO.
  public init() {}

  /// - Parameter reply: the positive reply to EHLO; its first line is the greeting.
  public init(_ reply: Reply) {
    for line in reply.lines.dropFirst() {
      // `AUTH=PLAIN` is an old spelling that some servers send beside the right one.
      let words = line.split(separator: " ").map(String.init)
      guard let keyword = words.first?.uppercased(), !keyword.isEmpty, keywords[keyword] == nil else { continue }
      keywords[keyword] = Array(words.dropFirst())
    }
  }

  public func offers(_ keyword: String) -> Bool { keywords[keyword] != nil }

  public var pipelining: Bool { offers("PIPELINING") }
  public var startTLS: Bool { offers("STARTTLS") }
  /// RFC 8689 §2.
  public var requireTLS: Bool { offers("REQUIRETLS") }
  public var eightBitMIME: Bool { offers("8BITMIME") }
  public var smtputf8: Bool { offers("SMTPUTF8") }
  public var chunking: Bool { offers("CHUNKING") }
  public var dsn: Bool { offers("DSN") }
  /// SIZE is announced (RFC 1870 §3).
  public var size: Bool { offers("SIZE") }
  /// The largest message in octets; `nil`: no fixed limit, or none announced (RFC 1870 §3: 0 is none).
  public var sizeLimit: Int? {
    keywords["SIZE"]?.first.flatMap { ServerMachine.octets(Array($0.utf8)[...]) }.flatMap { $0 == 0 ? nil : $0 }
  }
  /// SASL mechanisms in upper case (RFC 4954).
  public var mechanisms: [String] { (keywords["AUTH"] ?? []).map { $0.uppercased() } }
  /// The most recipients of one transaction (RCPTMAX of RFC 9422).
  public var recipientLimit: Int? { limit("RCPTMAX") }
  /// The most transactions of one session (MAILMAX of RFC 9422).
  public var transactionLimit: Int? { limit("MAILMAX") }

  private func limit(_ name: String) -> Int? {
    for word in keywords["LIMITS"] ?? [] {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].uppercased() == name else { continue }
      let value = ServerMachine.octets(Array(parts[1].utf8)[...])
      return value == 0 ? nil : value
    }
    return nil
  }
}
