import Platform

extension Assembly {
  func services() -> [Configuration.Service] {
    var taken: [(place: Located<HostPort>, service: String)] = []
    let services = Configuration.Service.Name.allCases.map { name in
      let table = root.table(Schema.ServiceTable.schema(name))
      let enabled = table.read(Schema.ServiceTable.enabled(name))
      let listen = table.read(Schema.ServiceTable.listen(name))
      if enabled {
        for place in listen {
          let line = place.line > 0 ? place.line : table.line
          if let other = taken.first(where: { Self.conflict($0.place.value, place.value) }) {
            findings.error(
              line, "\(name.rawValue) listens on \(place.value), where \(other.service) listens too",
              "write another address or port")
          }
          taken.append((Located(value: place.value, line: line), name.rawValue))
        }
      }
      return Configuration.Service(name: name, enabled: enabled, listen: listen.map(\.value))
    }
    if !services.contains(where: \.enabled) {
      findings.error(0, "no service is enabled", "write enabled = true in [smtp], [submission] or [imaps]")
    }
    return services
  }

  /// Two sockets want the same port of the same address; port 0 is any free one.
  private static func conflict(_ a: HostPort, _ b: HostPort) -> Bool {
    guard a.port == b.port, a.port != 0, let first = IPAddress(a.host), let second = IPAddress(b.host) else {
      return false
    }
    if first == second { return true }
    // [::] takes IPv4 too, 0.0.0.0 only IPv4.
    func covers(_ a: IPAddress, _ b: IPAddress) -> Bool {
      a.bytes.allSatisfy { $0 == 0 } && (!a.isIPv4 || b.isIPv4)
    }
    return covers(first, second) || covers(second, first)
  }

  func submission() -> Configuration.Submission {
    let table = root.table(Schema.ServiceTable.schema(.submission))
    return Configuration.Submission(showClientAddress: table.read(Schema.ServiceTable.showClientAddress))
  }

  func tls() -> Configuration.TLS {
    typealias Keys = Schema.TLSTable
    let table = root.table(Keys.schema)
    let identity = pair(table, Keys.certificate, Keys.key)
    var seen: [String: Int] = [:]
    let named = table.tables(Keys.Name.schema).compactMap { section -> Configuration.TLS.Identity? in
      let names = section.read(Keys.Name.names)
      let certificate = section.read(Keys.Name.certificate)
      let key = section.read(Keys.Name.key)
      for name in names ?? [] {
        if let earlier = seen.updateValue(section.line, forKey: name) {
          duplicate(section.line(of: Keys.Name.names), name, earlier)
        }
      }
      guard let names, let certificate, let key else { return nil }
      return Configuration.TLS.Identity(names: names, certificate: certificate, key: key)
    }
    return Configuration.TLS(identity: identity, named: named)
  }

  private func duplicate(_ line: Int, _ name: String, _ earlier: Int) {
    findings.error(line, "the name \(name) has a certificate already (line \(earlier))", "remove one of the two")
  }

  private func pair(_ table: Section, _ certificate: Key<String>, _ key: Key<String>) -> Configuration.TLS.Identity? {
    let (first, second) = (table.read(certificate), table.read(key))
    switch (table.has(certificate), table.has(key)) {
    case (true, false):
      findings.error(table.line(of: certificate), "a certificate without its key", "write key = \(key.example) too")
    case (false, true):
      findings.error(
        table.line(of: key), "a key without its certificate", "write certificate = \(certificate.example) too")
    case (false, false):
      findings.warning(
        table.line, "no certificate is named, so a self-made one is used, which mail programs do not trust",
        "write certificate and key in [tls]")
    case (true, true): break
    }
    guard let first, let second else { return nil }
    return Configuration.TLS.Identity(names: [], certificate: first, key: second)
  }

  func plaintextNetworks() -> [IPNetwork] {
    let networks = root.table(Schema.NetworkTable.schema).read(Schema.NetworkTable.plaintextPasswords)
    for network in networks where !network.value.base.isLoopback || network.value.prefix < 8 {
      findings.warning(
        network.line, "passwords from \(network.value) may be read on their way",
        "write \"127.0.0.0/8\" at most, and let mail programs use TLS")
    }
    return networks.map(\.value)
  }

  func proxyNetworks() -> [IPNetwork] {
    let table = root.table(Schema.NetworkTable.schema)
    let networks = table.read(Schema.NetworkTable.proxyProtocol)
    for network in networks where network.value.prefix == 0 {
      findings.error(
        network.line, "everybody (\(network.value)) may claim any address by the PROXY protocol",
        "write the addresses of your load balancers")
    }
    return networks.map(\.value)
  }

  func limits() -> Configuration.Limits {
    typealias Keys = Schema.LimitsTable
    let table = root.table(Keys.schema)
    let limits = Configuration.Limits(
      messageSize: table.read(Keys.messageSize), recipients: table.read(Keys.recipients),
      connections: table.read(Keys.connections), connectionsPerAddress: table.read(Keys.connectionsPerAddress),
      staging: table.read(Keys.staging), stagingPerAddress: table.read(Keys.stagingPerAddress),
      diskReserve: table.read(Keys.diskReserve), replyDeadline: table.read(Keys.replyDeadline),
      submissionReplyDeadline: table.read(Keys.submissionReplyDeadline),
      messagesPerMinute: table.read(Keys.messagesPerMinute), longestRefusal: table.read(Keys.longestRefusal))
    for (key, size) in [(Keys.staging, limits.staging), (Keys.stagingPerAddress, limits.stagingPerAddress)]
    where size < limits.messageSize {
      findings.error(
        table.line(of: key), "\(key.name) (\(Quantity.size(size))) is less than a message may have",
        "write \(key.name) = \"\(Quantity.size(limits.messageSize))\" or more in [limits], or a smaller message-size")
    }
    return limits
  }

  func devices(_ people: People) -> [Configuration.Device] {
    typealias Keys = Schema.DeviceTable
    var networks: [(network: IPNetwork, name: String, line: Int)] = []
    return root.tables(Keys.schema).compactMap { section in
      let own = section.read(Keys.networks) ?? []
      let senders = section.read(Keys.senders)
      let (reach, rate) = (section.read(Keys.reach), section.read(Keys.rate))
      guard let name = section.read(Keys.name) else { return nil }
      for network in own {
        checkExtent(network, of: name)
        if let other = networks.first(where: { Self.overlap($0.network, network.value) }) {
          findings.error(
            network.line,
            "\(network.value) of the device \(name) overlaps \(other.network) of \(other.name) (line \(other.line))",
            "give every address to one device")
        }
        networks.append((network.value, name, network.line))
      }
      for sender in senders where !people.isLocal(sender.value.domain) {
        findings.error(
          sender.line, "the device \(name) sends as \(sender.value), whose domain is not one of this file",
          "write an address in one of \(people.domains.map(\.name).joined(separator: ", "))")
      }
      guard let account = section.read(Keys.account) else { return nil }
      if people.account(account) == nil {
        let nearest = Suggestion.nearest(to: account, among: people.accounts.map(\.value.name))
        findings.error(
          section.line(of: Keys.account), "the device \(name) acts for the account \(account), which does not exist",
          nearest.map { "did you mean \"\($0)\"?" } ?? "write the name of an [[account]] of this file")
      }
      return Configuration.Device(
        name: name, networks: own.map(\.value), account: account, senders: senders.map(\.value), reach: reach,
        rate: rate)
    }
  }

  private static func overlap(_ a: IPNetwork, _ b: IPNetwork) -> Bool { a.contains(b.base) || b.contains(a.base) }

  /// Whoever is in a device's network sends without a password: a whole provider's network would make an open relay.
  private func checkExtent(_ network: Located<IPNetwork>, of device: String) {
    let value = network.value
    let bits = value.base.bytes.count * 8 - value.prefix
    if bits > (value.base.isIPv4 ? 16 : 80) {
      findings.error(
        network.line, "\(value) lets very many senders in as the device \(device)",
        "write the device's own address, or the office's network")
    } else if !value.base.isInternal {
      findings.warning(
        network.line, "\(value) of the device \(device) is reachable from the internet",
        "write the device's own address in the office's network, if it has one")
    }
  }
}
