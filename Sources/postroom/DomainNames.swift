import Administration
import ArgumentParser
import Configuration
import Logging
import NIOPosix
import Network
import Platform
import Postroom
import Relay
import Resolver

/// `postroom dns`: what the DNS should say of a domain, and what it does say.
struct DomainNames: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dns", abstract: "What the DNS should say of a domain of yours, and what it does say.",
    discussion: """
      To set a domain up, put what `postroom dns records` prints into its zone, in its order: the addresses of the hostname, whose \
      reverse whoever gave you the address must set; the MX record; SPF of the domain and of the hostname, which is also the domain \
      of the return addresses of forwarded mail (SRS); DMARC; then TLSA, TLSRPT and MTA-STS, for which a web server must answer too; \
      then what mail programs look for. Let `postroom dns check` look at it from time to time.

      Where mail cannot leave by itself, because port 25 is closed to the outside or nobody takes mail from your address, configure \
      a smart host: see `[smart-host]` in appliance.conf(5), and put what its provider asks for into the SPF record.
      """,
    subcommands: [DomainRecords.self, DomainChecking.self])
}

/// `postroom dns records`: every record that a domain needs.
struct DomainRecords: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "records", abstract: "Print every record that a domain needs, as a zone file has them.",
    discussion: "Works from the configuration and the keys of DKIM; nothing is looked up.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Argument(help: "A domain of the configuration.") var domain: String

  func run() async throws {
    let setup = try await setup(of: domain, config)
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
  @Flag(help: "Do not connect to the domain's mail servers, nor fetch its MTA-STS policy.") var noConnect = false
  @Argument(help: "A domain of the configuration.") var domain: String

  func run() async throws {
    let configuration = try config.load()
    let setup = try await setup(of: domain, config)
    let dns = DNSResolver(
      DNSResolver.Settings(configuration.dns), log: Logger(label: "resolver") { _ in SwiftLogNoOpLogHandler() })
    let connector = Connector(on: MultiThreadedEventLoopGroup.singleton)
    let trust = try ClientTrust()
    let probe = MXProbe(connector: connector, trust: trust, dns: dns, hostname: configuration.hostname)
    let policy = PolicyProbe(connector: connector, trust: trust, dns: dns)
    var connect: (@Sendable (DomainName) async -> DomainCheck.Probe)?
    var fetch: (@Sendable (DomainName) async -> DomainCheck.PolicyDocument)?
    if !noConnect {
      connect = { name in await probe(name) }
      fetch = { name in await policy(name) }
    }
    let check = DomainCheck(setup, dns: dns, probe: connect, fetch: fetch)
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

private func setup(of domain: String, _ config: ConfigurationOption) async throws -> DomainSetup {
  let configuration = try config.load()
  // Whoever may not read the key can read the certificate perhaps; without both there is no TLSA record, no more.
  let certificate = try? CertificateFile(of: configuration).inspect()
  guard
    var setup = DomainSetup(
      domain, configuration, addresses: Machine.ownAddresses(), certificate: certificate)
  else {
    let known = configuration.domains.map(\.name).joined(separator: ", ")
    throw CommandFailure(
      "\(domain) is no domain of \(config.path): " + (known.isEmpty ? "it has none yet" : "name one of \(known)"))
  }
  setup.signingRecords = await signingRecords(of: setup.domain.ascii, configuration)
  return setup
}

/// The keys of a domain; `nil` where the appliance does not run and its store cannot be opened.
private func signingRecords(of domain: String, _ configuration: Configuration) async -> [DomainSetup.SigningRecord]? {
  struct Line: Decodable {
    let selector: String
    let record: String
  }
  let rows = try? await answers("dkim list", ["domain": domain], configuration)
  return rows?.compactMap { row in
    (try? ControlCoding.value(Line.self, of: row)).map {
      DomainSetup.SigningRecord(selector: $0.selector, text: $0.record)
    }
  }
}
