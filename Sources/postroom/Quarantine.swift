import ArgumentParser

/// `postroom quarantine …`: mail that a filter has kept back.
struct Quarantine: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Mail that a filter has kept back.",
    subcommands: [List.self, Show.self, Release.self, Delete.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List what is kept back, the oldest first.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Option(help: "Only mail to this recipient.") var recipient: String?
    @Option(help: "Only mail from this sender.") var sender: String?

    func run() async throws {
      try await ask(
        "quarantine list", ["recipient": recipient, "sender": sender], configuration: config, output: output)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Why a message is kept back, and its header.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "The recipient, as `quarantine list` shows it.") var id: String

    func run() async throws { try await ask("quarantine show", ["id": id], configuration: config, output: output) }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Deliver it after all.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "Recipients, as `quarantine list` shows them.") var ids: [String]

    func run() async throws {
      try await ask("quarantine release", ["ids": ids.joined(separator: " ")], configuration: config, output: output)
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Discard it; nobody is told.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "Recipients, as `quarantine list` shows them.") var ids: [String]

    func run() async throws {
      try await ask("quarantine delete", ["ids": ids.joined(separator: " ")], configuration: config, output: output)
    }
  }
}
