import Administration
import ArgumentParser
import MailAuthentication
import Message

/// `postroom dkim …`: signatures of messages, and the keys that sign ours.
struct DKIM: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dkim", abstract: "Signatures of messages, and the keys that sign yours.",
    subcommands: [Verify.self, New.self, List.self, Rotate.self])

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Verify the DKIM signatures of a message.",
      discussion: "A line for each signature. Exit status 0: one of them passes. 1: none does, or there is none.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "A file with the message, or - for standard input.") var file: String

    func run() async throws {
      let message = try MessageFile(file)
      let configuration = try config.load()
      let report = try await withNames(configuration) { try await message.report($0, configuration) }
      for outcome in report.dkim { output.show(try DKIMLine(outcome).row) }
      if report.dkim.isEmpty { output.show(try DKIMLine(DKIMOutcome(result: .none)).row) }
      if !report.dkim.contains(where: { $0.result == .pass }) { throw ExitCode(1) }
    }
  }

  struct New: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make keys for a domain, one of each algorithm, and print the records that the DNS must have.",
      discussion: "They sign at once, and replace those that sign now. To replace keys in use, rotate them.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "A domain of the configuration.") var domain: String

    func run() async throws { try await ask("dkim new", ["domain": domain], configuration: config, output: output) }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the keys, their state and their records.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "A domain; without it all.") var domain: String?

    func run() async throws { try await ask("dkim list", ["domain": domain], configuration: config, output: output) }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the next keys of a domain, which take over after some days.",
      discussion: "Publish the printed records before that; leave the old ones until a week after it.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Option(help: "Days until the new keys sign.") var days = 2
    @Argument(help: "A domain of the configuration.") var domain: String

    func run() async throws {
      try await ask("dkim rotate", ["domain": domain, "days": "\(days)"], configuration: config, output: output)
    }
  }
}

/// An outcome of one signature, for people and programs.
struct DKIMLine: Encodable {
  let result: String
  let domain: String?
  let selector: String?
  let identity: String?
  let algorithm: String?
  let reason: String?
  let test: Bool

  init(_ outcome: DKIMOutcome) {
    result = outcome.result.rawValue
    domain = outcome.domain
    selector = outcome.selector
    identity = outcome.identity
    algorithm = outcome.algorithm?.rawValue
    reason = outcome.reason
    test = outcome.isTest
  }

  var row: ControlRow {
    get throws {
      var text = result
      for (tag, value) in [("d", domain), ("s", selector), ("i", identity), ("a", algorithm)] {
        if let value { text += " \(tag)=\(displayable(value))" }
      }
      if let reason { text += ": \(displayable(reason))" }
      if test { text += " (the domain only tries)" }
      return try ControlRow(text: text, self)
    }
  }
}
