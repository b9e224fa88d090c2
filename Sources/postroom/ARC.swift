import Administration
import ArgumentParser
import MailAuthentication
import Message

/// `postroom arc verify`: the chain of seals of a message.
struct ARC: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "arc", abstract: "The chain of seals (ARC) of a message.", subcommands: [Verify.self])

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Verify the chain of a message: none, pass or fail.",
      discussion: "Exit status 0: pass. 1: any other result.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "A file with the message, or - for standard input.") var file: String

    func run() async throws {
      let message = try MessageFile(file)
      let configuration = try config.load()
      let report = try await withNames(configuration) { try await message.report($0, configuration) }
      output.show(try ARCLine(report.arc).row)
      if report.arc.result != .pass { throw ExitCode(1) }
    }
  }
}

private struct ARCLine: Encodable {
  let result: String
  let sealers: [String]
  let dmarcAtStart: String?
  let reason: String?

  init(_ outcome: ARCOutcome) {
    result = outcome.result.rawValue
    sealers = outcome.sealers
    dmarcAtStart = outcome.firstResults?["dmarc"]
    reason = outcome.reason
  }

  var row: ControlRow {
    get throws {
      var lines = [result]
      if let reason { lines[0] += ": \(displayable(reason))" }
      if !sealers.isEmpty { lines.append("  sealed by: \(displayable(sealers.joined(separator: ", ")))") }
      if let dmarcAtStart { lines.append("  the first of them saw: dmarc=\(displayable(dmarcAtStart))") }
      return try ControlRow(text: lines.joined(separator: "\n"), self)
    }
  }
}
