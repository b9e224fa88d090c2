import Platform

extension Schema {
  enum DNSTable {
    static let source = Setting(
      "source", Configuration.DNS.Source.recursive,
      #""recursive": the appliance asks the root servers, and from there on whoever is responsible; "system": the "#
        + #"servers of /etc/resolv.conf; "servers": those of the next key, which alone is enough. Answers are "#
        + "validated (DNSSEC) here in each case, so those servers must pass the signatures on.")
    static let servers = Setting(
      "servers", .list(of: Kind<HostPort>.nameServer, count: 0...16), [], written: "[]",
      #"Name servers to ask, such as "192.0.2.53" or "127.0.0.1@5353"."#)
    static let trustAnchorFile = Key.optional(
      "trust-anchor-file", .path, example: #""/usr/share/dns/root.key""#,
      "A file of DS or DNSKEY records that the validation begins with. Without this and the next key: those of the "
        + "root, from Debian's package dns-root-data, or built in.")
    static let trustAnchors = Setting(
      "trust-anchors", .list(of: Kind<String>.trustAnchor, count: 0...100), [], written: "[]",
      "Such records themselves, instead of the root's or beside those of the file.")
    static let timeLimit = Setting(
      "time-limit", time: .seconds(1)...(.seconds(120)), .seconds(20), "How long one look-up may take.")
    static let schema = TableSchema(
      "dns", "How names are looked up.", keys: [source, servers, trustAnchorFile, trustAnchors, timeLimit])
  }

  enum RelayTable {
    static let direct = Setting(
      "direct", true,
      "Whether mail without a route goes to the servers that the DNS names for its domain (MX), where no smart host "
        + "takes it all.")
    static let internalNetworks = Setting(
      "internal-networks", .list(of: Kind<IPNetwork>.network, count: 0...1000), [], written: "[]",
      "Addresses or networks that the DNS may lead to although they are loopback, link-local, private, or this "
        + "machine's own: nothing out there shall make the appliance talk to what is in here.")
    static let addressLiterals = Setting(
      "address-literals", false, "Whether your people may write to addresses such as user@[192.0.2.1].")
    static let schema = TableSchema(
      "relay", "Mail to other servers.", keys: [direct, internalNetworks, addressLiterals])
  }

  /// What routes and the smart host have in common.
  enum NextHopKeys {
    static func host(_ example: String, _ ports: String) -> Key<HostPort> {
      Key.required("host", .host, example: example, "The server, and its port if it is not the usual one (\(ports)).")
    }

    static let tls = Setting(
      "tls", Configuration.NextHop.TLSMode.opportunistic,
      #""opportunistic": encrypted where the server can; "encrypted": always; "verified": always, and its certificate "#
        + #"must be for the host; "implicit": the same with TLS from the first byte; "off": never."#)
    static let smartHostTLS = Setting(
      "tls", Configuration.NextHop.TLSMode.verified, "As for a route.")
    static let user = Key.optional(
      "user", .nonEmptyText, example: #""office""#, #"The name to log in with; needs "verified" or "implicit"."#)
    static let passwordFile = Key.optional(
      "password-file", .path, example: #""/etc/postroom/relay-password""#,
      "The file whose first line is the password. It should be readable by the appliance alone.")
  }

  enum RouteTable {
    static let domains = Key.optional(
      "domains", .list(of: Kind<String>.routeDomain.located, count: 1...10_000), example: #"["example.net"]"#,
      #"The domains; ".example.net" is all those below example.net. Without this key: all that have no route of their "#
        + "own.")
    static let senders = Setting(
      "senders", .list(of: Kind<String>.routeSender.located), [], written: "[]",
      #"Only mail of these senders (on the envelope): addresses or domains, such as "alice@example.org". Empty: any."#)
    static let host = NextHopKeys.host(#""mx.example.net""#, "25, or 465 with implicit TLS")
    static let schema = TableSchema(
      "route", presence: .repeated,
      "Where mail for particular other domains, or of particular senders, goes; one "
        + "[[route]] for each. A route for the recipient's domain comes before one for the sender alone. What a route or "
        + "the smart host names is connected to whatever its address is.",
      keys: [domains, senders, host, NextHopKeys.tls, NextHopKeys.user, NextHopKeys.passwordFile])
  }

  enum SmartHostTable {
    static let host = NextHopKeys.host(#""smtp.example.net""#, "587, or 465 with implicit TLS")
    static let use = Setting(
      "use", Configuration.SmartHostUse.always,
      #""always": all mail without a route goes through it; "fallback": only mail for domains whose own servers cannot "#
        + "be reached, as where a provider lets nobody connect to port 25.")
    static let schema = TableSchema(
      "smart-host",
      "The server of a provider that takes mail for all domains without a route. Without it mail goes to each domain's "
        + "own servers.",
      keys: [host, use, NextHopKeys.smartHostTLS, NextHopKeys.user, NextHopKeys.passwordFile])
  }

  enum BackupTable {
    static let domains = Key.required(
      "domains", .list(of: Kind<String>.domainName.located, count: 1...1000), example: #"["example.net"]"#,
      "The domains. Their MX records must name this machine, and others with a lower preference value.")
    static let recipients = Setting(
      "recipients", .list(of: Kind<Configuration.Address>.address.located), [], written: "[]",
      "The addresses whose mail is taken. Empty: all of the domain, also those that nobody has, which makes bounces.")
    static let schema = TableSchema(
      "backup-mx", presence: .repeated,
      "Domains of others whose mail is taken in, and passed on as soon as their own servers can be reached.",
      keys: [domains, recipients])
  }
}

extension Kind where Value == String {
  static let routeDomain = Kind.text.map(#"a domain name such as "example.net" or ".example.net""#) { text in
    isDomainName(text.hasPrefix(".") ? String(text.dropFirst()) : text) ? text.lowercased() : nil
  }

  /// An address or a domain on the envelope.
  static let routeSender = Kind.text.map(#"an address or a domain, such as "alice@example.org" or "example.org""#) {
    text in
    if text.contains("@") { return Configuration.Address(text)?.key }
    return isDomainName(text) ? text.lowercased() : nil
  }

  /// A DS or DNSKEY record in zone-file form; the resolver reads it thoroughly.
  static let trustAnchor = Kind.text.map(#"a record such as "example. IN DS 20326 8 2 E06D44B8…""#) { text in
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { $0.uppercased() }
    return words.count >= 5 && (words.contains("DS") || words.contains("DNSKEY")) ? text : nil
  }
}

extension Kind where Value == HostPort {
  /// A name server: an address, and its port behind an @ if it is not 53.
  static let nameServer = Kind(#"an address such as "192.0.2.53", or with a port "127.0.0.1@5353""#) { node in
    guard case .string(let text) = node.value else { return nil }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(first), parts.count <= 2 else { return nil }
    let port = parts.count == 2 ? Int(parts[1]) : 53
    guard let port, (1...65_535).contains(port) else { return nil }
    return HostPort(host: "\(address)", port: port)
  }
}
