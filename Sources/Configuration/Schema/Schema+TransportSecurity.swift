extension Schema {
  enum TLSPolicyTable {
    static let domains = Key.required(
      "domains", .list(of: Kind<String>.policyDomain.located, count: 1...10_000), example: #"["example.net"]"#,
      #"The domains; ".example.net" is all those below example.net, "*" is every domain."#)
    static let mode = Key.required(
      "mode", Kind<Configuration.TLSPolicy.Mode>.choice, example: #""require""#,
      #""automatic": as the domain itself wants it, by DANE or MTA-STS, else encrypted where the server can (so it is "#
        + #"without this table); "require": always encrypted besides; "verify": always encrypted, and the server must "#
        + #"prove its name by DANE or its certificate; "dane": by DANE or not at all; "opportunistic": encrypted where the "#
        + #"server can, whatever the domain wants; "none": never."#)
    static let schema = TableSchema(
      "tls-policy", presence: .repeated,
      "Whether mail for particular other domains must be encrypted, where their servers are found in the DNS; one "
        + "[[tls-policy]] for each. Mail that may not go so waits, and its trace says why.",
      keys: [domains, mode])
  }
}

extension Kind where Value == String {
  static let policyDomain = Kind(#"a domain name such as "example.net" or ".example.net", or "*""#) { node in
    if case .string("*") = node.value { return "*" }
    return routeDomain.read(node)
  }
}
