import Administration
import ArgumentParser

/// `postroom account …`: the accounts of the file, and the mailboxes they have.
struct Account: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The accounts and what they hold.", subcommands: [List.self, Show.self, Purge.self],
    defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the accounts, those too that have left the file and still have mail (orphaned).")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption

    func run() async throws { try await ask("account list", [:], configuration: config, output: output) }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One account with its mailboxes.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "The account.") var name: String

    func run() async throws { try await ask("account show", ["name": name], configuration: config, output: output) }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Delete all mail and the password of an account that has left the file.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "The account.") var name: String
    @Flag(help: "Yes, delete everything it has.") var yes = false

    func run() async throws {
      guard yes else {
        throw CommandFailure(
          status: 2, "all mail of \(name) would be deleted for good: say --yes if you mean it")
      }
      try await ask("account purge", ["name": name], configuration: config, output: output)
    }
  }
}
