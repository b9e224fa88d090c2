import Platform

extension Schema {
  enum DNSListTable {
    static let zone = Key.required(
      "zone", .domainName, example: #""bl.example.net""#, "The domain below which the list is, as its publisher tells.")
    static let kind = Setting(
      "kind", Configuration.DNSList.Kind.block,
      #""block": what it lists is suspicious, and scores count against a message; "allow": what it lists is known well, "#
        + "and scores count in its favour.")
    static let subject = Setting(
      "asks-for", Configuration.DNSList.Subject.addresses,
      #"What it lists: "addresses" of clients, or "domains" (those of the sender on the envelope and in From)."#)
    static let codes = Setting(
      "codes", .returnCodes, [:], written: "{}",
      #"What its answers weigh: { "127.0.0.2" = 3.5, "127.0.0.10" = 1 }. Of several the strongest counts. Answers in "#
        + "127.255.255.0/24 mean that the list does not serve you, and never that something is listed.")
    static let score = Setting("score", .score, 3, written: "3", "What any other answer weighs.")
    static let timeLimit = Setting(
      "time-limit", time: .milliseconds(100)...(.seconds(60)), .seconds(5),
      "How long it may take over an answer; then it counts as unknown.")
    static let schema = TableSchema(
      "dns-list", presence: .repeated,
      "Lists of addresses or domains that others publish in the DNS; one [[dns-list]] for each. They are asked in "
        + "parallel, about mail from outside only, and never about addresses of internal networks. Most ask for an "
        + "agreement, and answer only your own resolver.",
      keys: [zone, kind, subject, codes, score, timeLimit])
  }

  enum GreylistingTable {
    private static let standard = Configuration.Greylisting()

    static let enabled = Setting(
      "enabled", standard.enabled, "Whether suspicious mail from senders that are not known is put off once.")
    static let fromScore = Setting(
      "from-score", .score, standard.fromScore, written: "2", "From which sum of scores on mail is suspicious.")
    static let delay = Setting(
      "delay", time: .seconds(1)...(.seconds(86_400)), standard.delay,
      "How long a sender must have waited when it comes again; it has two days for it.")
    static let keep = Setting(
      "keep", time: .seconds(86_400)...(.seconds(366 * 86_400)), standard.keep,
      "How long a sender that came again is let through without waiting, counted from its last message.")
    static let schema = TableSchema(
      "greylisting",
      "Most programs that send spam do not come again when they are told to. Who is put off is known by the "
        + "sender's domain where that is proven, else by its network (/24, /64). Never put off: notifications to return addresses of forwarded mail, and senders that one of yours "
        + "has written to as long as the trace remembers it.",
      keys: [enabled, fromScore, delay, keep])
  }
}

extension Kind where Value == Double {
  /// What a finding weighs.
  static let score = Kind("a number from 0 to 100 such as 2.5, without quotes") { node in
    let number: Double
    switch node.value {
    case .integer(let whole): number = Double(whole)
    case .float(let real): number = real
    default: return nil
    }
    return (0...100).contains(number) ? number : nil
  }
}

extension Kind where Value == [IPAddress: Double] {
  /// `{ "127.0.0.2" = 3.5 }`.
  static let returnCodes = Kind(
    #"answers of the list in 127.0.0.0/8 but 127.255.255.0/24, with numbers from 0 to 100, such as { "127.0.0.2" = 3.5 }"#
  ) { node in
    guard case .table(let entries) = node.value else { return nil }
    var codes: [IPAddress: Double] = [:]
    for entry in entries {
      guard let address = IPAddress(entry.key), address.isIPv4, address.bytes[0] == 127,
        address.bytes[1] != 255 || address.bytes[2] != 255, let score = Kind<Double>.score.read(entry.node)
      else { return nil }
      codes[address] = score
    }
    return codes
  }
}
