import Administration
import ArgumentParser
import MailAuthentication
import Message
import Resolver

/// `postroom dmarc check`: what DMARC says of a message, or a domain's policy.
struct DMARC: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dmarc", abstract: "What DMARC says of a message, or of a domain.", subcommands: [DMARCChecking.self])
}

struct DMARCChecking: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a message against the DMARC policy of its author's domain.",
    discussion:
      "With --ip, SPF counts too. With --domain and no file, the domain's policy is shown. Exit status 0: pass, "
      + "or there is a policy. 1: any other result.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @OptionGroup var options: ClientOptions
  @Option(help: "A domain whose policy is to be shown.") var domain: String?
  @Argument(help: "A file with the message, or - for standard input.") var file: String?

  func run() async throws {
    let configuration = try config.load()
    guard let file else { return try await showPolicy() }
    let (message, client) = (try MessageFile(file), try options.client)
    let report = try await withNames(configuration) { try await message.report($0, configuration, client: client) }
    output.show(try DMARCLine(report).row)
    if report.dmarc.result != .pass { throw ExitCode(1) }
  }

  private func showPolicy() async throws {
    guard let domain, let name = DomainName(domain) else {
      throw CommandFailure(status: 2, "the check needs a file with a message, or --domain: give one")
    }
    let found = try await withNames(try config.load()) { await DMARCCheck(dns: $0).policy(for: name) }
    switch found {
    case .record(let record, let owner): output.show(try PolicyLine(record, owner: owner.ascii).row)
    case .none: try fail("none", "\(name) has no DMARC record")
    case .temporary(let why): try fail("temperror", why)
    case .permanent(let why): try fail("permerror", why)
    }
  }

  private func fail(_ result: String, _ reason: String) throws {
    struct Line: Encodable {
      let result: String
      let reason: String
    }
    output.show(try ControlRow(text: "\(result): \(displayable(reason))", Line(result: result, reason: reason)))
    throw ExitCode(1)
  }
}

private struct PolicyLine: Encodable {
  let domain: String
  let policy: String
  let subdomainPolicy: String?
  let percent: Int
  let strictDKIM: Bool
  let strictSPF: Bool
  let reports: [String]

  init(_ record: DMARCRecord, owner: String) {
    domain = owner
    policy = record.policy.rawValue
    subdomainPolicy = record.subdomainPolicy?.rawValue
    percent = record.percent
    (strictDKIM, strictSPF) = (record.isStrictForDKIM, record.isStrictForSPF)
    reports = record.aggregateReports
  }

  var row: ControlRow {
    get throws {
      var text = "\(domain): p=\(policy)"
      if let subdomainPolicy { text += " sp=\(subdomainPolicy)" }
      text += " pct=\(percent) adkim=\(strictDKIM ? "s" : "r") aspf=\(strictSPF ? "s" : "r")"
      if !reports.isEmpty { text += " rua=\(displayable(reports.joined(separator: ",")))" }
      return try ControlRow(text: text, self)
    }
  }
}

private struct DMARCLine: Encodable {
  let result: String
  let domain: String?
  let policyDomain: String?
  let policy: String?
  let disposition: String
  let spfAligned: Bool
  let dkimAligned: Bool
  let reason: String?
  let spf: String?
  let dkim: [String]

  init(_ report: AuthenticationReport) {
    let dmarc = report.dmarc
    result = dmarc.result.rawValue
    domain = dmarc.domain
    policyDomain = dmarc.policyDomain
    policy = dmarc.policy?.rawValue
    disposition = dmarc.disposition.rawValue
    (spfAligned, dkimAligned) = (dmarc.isSPFAligned, dmarc.isDKIMAligned)
    reason = dmarc.reason
    spf = report.spf?.result.rawValue
    dkim = report.dkim.map(\.result.rawValue)
  }

  var row: ControlRow {
    get throws {
      var lines = [result]
      if let domain { lines.append("  author's domain: \(displayable(domain))") }
      if let policy, let policyDomain { lines.append("  policy of \(displayable(policyDomain)): \(policy)") }
      lines.append("  to be done: \(disposition)")
      lines.append("  SPF \(spf ?? "not checked")\(spfAligned ? ", aligned" : "")")
      lines.append("  DKIM \(dkim.isEmpty ? "none" : dkim.joined(separator: " "))\(dkimAligned ? ", aligned" : "")")
      if let reason { lines.append("  because: \(displayable(reason))") }
      return try ControlRow(text: lines.joined(separator: "\n"), self)
    }
  }
}
