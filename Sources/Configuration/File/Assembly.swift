import Platform

/// Makes a configuration of a document, and checks what no key can know by itself. Goes on after mistakes, so that one
/// reading finds them all.
struct Assembly {
  let root: Section
  let findings: Findings

  /// - Returns: `nil` when a required key is missing or wrong; then the findings say so.
  func configuration(path: String, generation: UInt64) -> Configuration? {
    let hostname = root.read(Schema.Root.hostname) ?? Machine.fullName()
    let people = people()
    checkBeginning(people)
    let services = services()
    let limits = limits()
    let smartHost = smartHost()
    var configuration = Configuration(
      generation: generation, path: path, hostname: hostname, dataFolder: root.read(Schema.Root.dataFolder),
      postmaster: postmaster(among: people), domains: people.domains, accounts: people.accounts.map(\.value),
      aliases: people.aliases.map(\.value), groups: people.groups.map(\.value), delivery: people.delivery,
      services: services, tls: tls(), plaintextPasswordNetworks: plaintextNetworks(),
      proxyProtocolNetworks: proxyNetworks(), limits: limits, submission: submission(), devices: devices(people),
      rules: rules(), authentication: authentication(), spam: spam(), attachments: attachments(), clamd: clamd(),
      milters: milters(), dns: dns(), relay: relay(), routes: routes(people), smartHost: smartHost.hop,
      smartHostUse: smartHost.use, backups: backups(people), queue: queue(), trace: trace(),
      control: control(), localSocket: localSocket(),
      logLevel: root.table(Schema.LogTable.schema).read(Schema.LogTable.level),
      passwordIterations: root.table(Schema.PasswordsTable.schema).read(Schema.PasswordsTable.iterations))
    warnIfNothingCanLeave(configuration)
    configuration.lines = findings.lines
    configuration.domainIndex = index(configuration.domains.map(\.name))
    configuration.accountIndex = index(configuration.accounts.map(\.name))
    configuration.routeIndex = [:]
    for (number, route) in configuration.routes.enumerated() {
      for domain in route.domains { configuration.routeIndex[domain, default: []].append(number) }
    }
    configuration.dnsLists = dnsLists()
    configuration.greylisting = greylisting()
    configuration.tlsPolicyIndex = tlsPolicies(people, routes: configuration.routes)
    configuration.addressIndex = people.destinations
    return findings.hasErrors ? nil : configuration
  }

  private func index(_ names: [String]) -> [String: Int] {
    Dictionary(names.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  private func trace() -> Configuration.Trace {
    let table = root.table(Schema.TraceTable.schema)
    return Configuration.Trace(
      keep: table.read(Schema.TraceTable.keep), subjects: table.read(Schema.TraceTable.subjects))
  }

  private func control() -> Configuration.Control {
    let table = root.table(Schema.ControlTable.schema)
    return Configuration.Control(
      socket: table.read(Schema.ControlTable.socket), group: table.read(Schema.ControlTable.group))
  }

  /// The one that is written, or the neighbour of the control socket.
  private func localSocket() -> String {
    if let path = root.table(Schema.LocalTable.schema).read(Schema.LocalTable.socket) { return path }
    let control = root.table(Schema.ControlTable.schema).read(Schema.ControlTable.socket)
    return String(control[...(control.lastIndex(of: "/") ?? control.startIndex)]) + "submit"
  }

  /// A file without a domain and an account is that of a fresh installation: it runs, and takes no mail. One of the two
  /// without the other is a mistake.
  private func checkBeginning(_ people: People) {
    let (domain, account) = (Schema.DomainTable.schema, Schema.AccountTable.schema)
    func advice(_ table: TableSchema) -> String { "write \(table.heading), and under it \(table.smallest)" }
    switch (root.tables(domain).isEmpty, root.tables(account).isEmpty) {
    case (true, true):
      findings.warning(
        0, "no mail can be taken yet, because the file has no domain and no account",
        "\(advice(domain)), then \(advice(account))")
    case (true, false): findings.error(0, "the file has no \(domain.heading)", advice(domain))
    case (false, true): findings.error(0, "the file has no \(account.heading)", advice(account))
    case (false, false): break
    }
  }

  private func warnIfNothingCanLeave(_ configuration: Configuration) {
    guard !configuration.relay.direct, configuration.smartHost == nil, configuration.routes.isEmpty,
      !configuration.domains.isEmpty
    else { return }
    findings.warning(
      0, "mail to other domains is refused, because the file names no way there",
      "write direct = true in [relay], or [smart-host] with host = \"smtp.example.net\", or leave it so")
  }
}
