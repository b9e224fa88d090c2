import Administration
import ArgumentParser
import MailAuthentication
import Message
import Platform

/// `postroom spf check`: what SPF says of a client.
struct SPF: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spf", abstract: "What SPF says of a client.", subcommands: [SPFChecking.self])
}

struct SPFChecking: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a client against the SPF record of its sender's domain.",
    discussion: "Exit status 0: pass. 1: any other result.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @OptionGroup var options: ClientOptions

  func run() async throws {
    guard let client = try options.client else { throw CommandFailure(status: 2, "the check needs --ip: give one") }
    let configuration = try config.load()
    let outcome = try await withNames(configuration) { dns in
      await SPFCheck(dns: dns, receiver: configuration.hostname)
        .check(address: client.address, helo: client.helo, sender: client.sender)
    }
    output.show(try SPFLine(outcome).row)
    if outcome.result != .pass { throw ExitCode(1) }
  }
}

/// An outcome of SPF, for people and programs.
struct SPFLine: Encodable {
  let result: String
  let identity: String
  let sender: String
  let domain: String
  let mechanism: String?
  let problem: String?
  let explanation: String?
  let lookups: Int

  init(_ outcome: SPFOutcome) {
    result = outcome.result.rawValue
    identity = outcome.identity.rawValue
    sender = outcome.sender
    domain = outcome.domain
    mechanism = outcome.mechanism
    problem = outcome.problem
    explanation = outcome.explanation
    lookups = outcome.lookups
  }

  var row: ControlRow {
    get throws {
      var lines = [result, "  \(identity): \(displayable(sender))"]
      if let mechanism { lines.append("  decided by: \(displayable(mechanism))") }
      if let problem { lines.append("  because: \(displayable(problem))") }
      if let explanation { lines.append("  the domain says: \(displayable(explanation))") }
      return try ControlRow(text: lines.joined(separator: "\n"), self)
    }
  }
}
