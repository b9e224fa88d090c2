import Platform

/// Makes a configuration of a document, and checks what no key can know by itself. Goes on after mistakes, so that one
/// reading finds them all.
struct Assembly {
  let root: Section
  let findings: Findings

  /// - Returns: `nil` when a required key is missing or wrong; then the findings say so.
  func configuration(path: String, generation: UInt64) -> Configuration? {
    let hostname = root.read(Schema.Root.hostname)
    let people = people()
    let services = services()
    let limits = limits()
    var configuration = Configuration(
      generation: generation, path: path, hostname: hostname ?? "", dataFolder: root.read(Schema.Root.dataFolder),
      postmaster: postmaster(among: people), domains: people.domains, accounts: people.accounts.map(\.value),
      aliases: people.aliases.map(\.value), groups: people.groups.map(\.value), delivery: people.delivery,
      services: services, tls: tls(), plaintextPasswordNetworks: plaintextNetworks(),
      proxyProtocolNetworks: proxyNetworks(), limits: limits, submission: submission(), devices: devices(people),
      rules: rules(), routes: routes(people), smartHost: smartHost(), queue: queue(), trace: trace(),
      control: control(), logLevel: root.table(Schema.LogTable.schema).read(Schema.LogTable.level),
      passwordIterations: root.table(Schema.PasswordsTable.schema).read(Schema.PasswordsTable.iterations))
    warnIfNothingCanLeave(configuration)
    configuration.lines = findings.lines
    configuration.domainIndex = index(configuration.domains.map(\.name))
    configuration.accountIndex = index(configuration.accounts.map(\.name))
    configuration.routeIndex = [:]
    for (number, route) in configuration.routes.enumerated() {
      for domain in route.domains { configuration.routeIndex[domain] = number }
    }
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

  /// MX look-ups are no part of this release, so mail leaves by the file's routes alone.
  private func warnIfNothingCanLeave(_ configuration: Configuration) {
    guard configuration.smartHost == nil, configuration.routes.isEmpty else { return }
    findings.warning(
      0, "mail to other domains is refused, because the file names no way there",
      "write [smart-host] with host = \"smtp.example.net\", or a [[route]] for each domain, or leave it so")
  }
}
