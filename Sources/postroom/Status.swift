import ArgumentParser
import Postroom

/// `postroom status`: the appliance on one screen.
struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "The appliance on one screen.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption

  func run() async throws { try await ask("status", [:], configuration: config, output: output) }
}

/// `postroom reload`: the configuration anew, all or nothing.
struct Reload: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read the configuration and the certificates again.",
    discussion: "With a problem in the file the old configuration stays in force.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption

  func run() async throws { try await ask("reload", [:], configuration: config, output: output) }
}

/// `postroom version`.
struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Which Postroom this is.")

  func run() { print("postroom \(postroomVersion)") }
}
