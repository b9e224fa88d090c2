import Administration
import ArgumentParser
import Configuration
import Logging
import NIOPosix
import Network
import Platform
import Relay
import Resolver

/// `postroom dns`: what the DNS should say of a domain, and what it does say.
struct DomainNames: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dns", abstract: "What the DNS should say of a domain of yours, and what it does say.",
    subcommands: [DomainRecords.self, DomainChecking.self])
}

/// `postroom dns records`: every record that a domain needs.
struct DomainRecords: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "records", abstract: "Print every record that a domain needs, as a zone file has them.",
    discussion: "Works from the configuration alone; nothing is looked up.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Argument(help: "A domain of the configuration.") var domain: String

  func run() async throws {
    let setup = try setup(of: domain, config)
    for record in setup.records {
      output.show(
        try ControlRow(text: "; \(record.purpose)\n\(record.zoneLine)\n", RecordLine(record)))
    }
    struct Note: Encodable { let note: String }
    for note in setup.notes { output.show(try ControlRow(text: "; \(note)\n", Note(note: note))) }
  }
}

/// `postroom dns check`: what is missing or wrong in the DNS.
struct DomainChecking: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Look a domain's records up, and say what is missing or wrong and what to put there.",
    discussion: "Exit status 0: nothing is wrong, though there may be advice. 1: something is.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Flag(help: "Do not connect to the domain's mail servers.") var noConnect = false
  @Argument(help: "A domain of the configuration.") var domain: String

  func run() async throws {
    let configuration = try config.load()
    let setup = try setup(of: domain, config)
    let dns = DNSResolver(
      DNSResolver.Settings(configuration.dns), log: Logger(label: "resolver") { _ in SwiftLogNoOpLogHandler() })
    let connector = Connector(on: MultiThreadedEventLoopGroup.singleton)
    let probe = MXProbe(connector: connector, trust: try ClientTrust(), dns: dns, hostname: configuration.hostname)
    var connect: (@Sendable (DomainName) async -> DomainCheck.Probe)?
    if !noConnect { connect = { name in await probe(name) } }
    let check = DomainCheck(setup, dns: dns, probe: connect)
    let findings = await check.run()
    await connector.shutDown()
    await dns.close()
    for finding in findings { output.show(try row(finding)) }
    if findings.contains(where: { $0.state == .wrong }) { throw ExitCode(1) }
  }

  private func row(_ finding: DomainFinding) throws -> ControlRow {
    struct Line: Encodable {
      let group: String
      let state: String
      let findings: [String]
      let records: [RecordLine]
    }
    let word =
      switch finding.state {
      case .good: "good"
      case .advice: "could be better"
      case .wrong: "WRONG"
      }
    var lines = ["\(finding.group): \(word)"] + finding.sentences.map { "  \($0)" }
    if !finding.records.isEmpty { lines.append("  Put there:") }
    lines += finding.records.map { "    \($0.zoneLine)" }
    return try ControlRow(
      text: lines.joined(separator: "\n") + "\n",
      Line(
        group: finding.group, state: finding.state.rawValue, findings: finding.sentences,
        records: finding.records.map(RecordLine.init)))
  }
}

/// A record as JSON has it.
private struct RecordLine: Encodable {
  let name: String
  let type: String
  let data: String
  let weight: String
  let purpose: String

  init(_ record: NeededRecord) {
    name = record.name.zoneText
    type = "\(record.type)"
    data = record.record.zoneText
    weight = record.weight.rawValue
    purpose = record.purpose
  }
}

private func setup(of domain: String, _ config: ConfigurationOption) throws -> DomainSetup {
  let configuration = try config.load()
  // Whoever may not read the key can read the certificate perhaps; without both there is no TLSA record, no more.
  let certificate = try? certificateFile(configuration).inspect()
  guard
    let setup = DomainSetup(
      domain, configuration, addresses: Machine.ownAddresses(), certificate: certificate)
  else {
    let known = configuration.domains.map(\.name).joined(separator: ", ")
    throw CommandFailure(
      "\(domain) is no domain of \(config.path): " + (known.isEmpty ? "it has none yet" : "name one of \(known)"))
  }
  return setup
}

/// The configuration's certificate, or the self-made one.
private func certificateFile(_ configuration: Configuration) -> CertificateFile {
  let folder = configuration.dataFolder
  return configuration.tls.identity.map { CertificateFile(certificate: $0.certificate, key: $0.key) }
    ?? CertificateFile(certificate: folder + "/certificate.pem", key: folder + "/key.pem")
}
