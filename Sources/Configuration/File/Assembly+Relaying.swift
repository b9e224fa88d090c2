import Platform

extension Assembly {
  func dns() -> Configuration.DNS {
    typealias Keys = Schema.DNSTable
    let table = root.table(Keys.schema)
    let servers = table.read(Keys.servers)
    var source = table.read(Keys.source)
    if !servers.isEmpty, !table.has(Keys.source) { source = .servers }
    if source == .servers, servers.isEmpty, !table.has(Keys.servers) {
      findings.error(table.line(of: Keys.source), "no name servers are named", #"write servers = ["192.0.2.53"]"#)
    } else if source == .servers, servers.isEmpty {
      findings.error(table.line(of: Keys.servers), "the list of name servers is empty", "write the address of one")
    } else if source != .servers, !servers.isEmpty {
      findings.error(
        table.line(of: Keys.servers), "name servers are named, and source = \"\(source.rawValue)\" does not ask them",
        #"write source = "servers", or remove one of the two"#)
    }
    return Configuration.DNS(
      source: source, servers: servers, trustAnchorFile: table.read(Keys.trustAnchorFile),
      trustAnchors: table.read(Keys.trustAnchors), timeLimit: table.read(Keys.timeLimit))
  }

  func relay() -> Configuration.Relay {
    typealias Keys = Schema.RelayTable
    let table = root.table(Keys.schema)
    return Configuration.Relay(
      direct: table.read(Keys.direct), internalNetworks: table.read(Keys.internalNetworks),
      addressLiterals: table.read(Keys.addressLiterals))
  }

  func routes(_ people: People) -> [Configuration.Route] {
    typealias Keys = Schema.RouteTable
    var seen: [String: Int] = [:]
    return root.tables(Keys.schema).compactMap { section in
      let (domains, senders) = (section.read(Keys.domains) ?? [], section.read(Keys.senders))
      for domain in domains where people.isLocal(domain.value) {
        findings.error(
          domain.line, "there is a route for \(domain.value), whose mail ends here", "remove it, or the [[domain]]")
      }
      if !section.has(Keys.domains), senders.isEmpty {
        findings.error(
          section.line, "this [[route]] is for nobody in particular",
          "write domains = \(Keys.domains.example) or senders, or a [smart-host] instead")
      }
      for domain in domains.isEmpty ? [Located(value: "", line: section.line)] : domains {
        for sender in senders.isEmpty ? [Located(value: "", line: section.line)] : senders {
          let line = domain.value.isEmpty ? sender.line : domain.line
          let what = [domain.value, sender.value.isEmpty ? "" : "mail of \(sender.value)"].filter { !$0.isEmpty }
          guard !what.isEmpty else { continue }
          if let earlier = seen.updateValue(line, forKey: "\(domain.value) \(sender.value)") {
            findings.error(
              line, "there is a route for \(what.joined(separator: " and ")) already (line \(earlier))",
              "remove one of the two")
          }
        }
      }
      guard let next = nextHop(section, host: Keys.host, tls: Schema.NextHopKeys.tls, port: 25) else { return nil }
      return Configuration.Route(domains: domains.map(\.value), senders: senders.map(\.value), nextHop: next)
    }
  }

  func smartHost() -> (hop: Configuration.NextHop?, use: Configuration.SmartHostUse) {
    typealias Keys = Schema.SmartHostTable
    guard root.has(Keys.schema) else { return (nil, .always) }
    let table = root.table(Keys.schema)
    let use = table.read(Keys.use)
    return (nextHop(table, host: Keys.host, tls: Schema.NextHopKeys.smartHostTLS, port: 587), use)
  }

  func backups(_ people: People) -> [Configuration.BackupMX] {
    typealias Keys = Schema.BackupTable
    return root.tables(Keys.schema).compactMap { section in
      let recipients = section.read(Keys.recipients)
      guard let domains = section.read(Keys.domains) else { return nil }
      for domain in domains where people.isLocal(domain.value) {
        findings.error(
          domain.line, "mail for \(domain.value) ends here, so it cannot be kept for others",
          "remove it here, or the [[domain]]")
      }
      for recipient in recipients where !domains.contains(where: { $0.value == recipient.value.domain }) {
        findings.error(
          recipient.line, "\(recipient.value) is in none of the domains of this [[backup-mx]]",
          "write addresses in \(domains.map(\.value).joined(separator: ", "))")
      }
      return Configuration.BackupMX(domains: domains.map(\.value), recipients: recipients.map(\.value))
    }
  }

  private func nextHop(
    _ section: Section, host: Key<HostPort>, tls: Setting<Configuration.NextHop.TLSMode>, port: Int
  ) -> Configuration.NextHop? {
    typealias Keys = Schema.NextHopKeys
    let mode = section.read(tls)
    let (user, file) = (section.read(Keys.user), section.read(Keys.passwordFile))
    guard let place = section.read(host) else { return nil }
    switch (section.has(Keys.user), section.has(Keys.passwordFile)) {
    case (true, false):
      findings.error(
        section.line(of: Keys.user), "a user without a password", "write password-file = \(Keys.passwordFile.example)")
    case (false, true):
      findings.error(
        section.line(of: Keys.passwordFile), "a password without a user", "write user = \(Keys.user.example)")
    default: break
    }
    let isLoopback = IPAddress(place.host)?.isLoopback ?? false
    if section.has(Keys.user), mode != .verified, mode != .implicit, !isLoopback {
      findings.error(
        section.line(of: Keys.user), "the password would be given to whoever answers as \(place.host)",
        "write tls = \"verified\" or tls = \"implicit\"")
    }
    return Configuration.NextHop(
      address: HostPort(host: place.host, port: place.port > 0 ? place.port : mode == .implicit ? 465 : port),
      tls: mode, user: user, passwordFile: file)
  }
}
