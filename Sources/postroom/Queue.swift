import Administration
import ArgumentParser

/// Who and what the queue commands choose.
struct QueueChoice: ParsableArguments {
  @Argument(help: "Recipients as `queue list` shows them (ENVELOPE.NUMBER), or envelopes.")
  var ids: [String] = []

  @Option(help: "Only mail to this recipient.") var recipient: String?
  @Option(help: "Only mail from this sender.") var sender: String?
  @Option(help: "Only mail that goes to this domain or route.") var destination: String?
  @Option(help: "Only mail that this account sent.") var account: String?
  @Option(help: "Only mail that has waited for so long, such as \"4 h\" or \"2 days\".") var age: String?
  @Option(help: "Only mail about which this was said last: a part of it, in any case.") var reason: String?

  var arguments: [String: String?] {
    [
      "ids": ids.isEmpty ? nil : ids.joined(separator: " "), "recipient": recipient, "sender": sender,
      "destination": destination, "account": account, "age": age, "reason": reason,
    ]
  }
}

/// `postroom queue …`: mail that waits to leave.
struct Queue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Mail that waits to leave.",
    subcommands: [List.self, Show.self, Retry.self, Hold.self, Release.self, Delete.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List what waits, the oldest first.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @OptionGroup var choice: QueueChoice
    @Option(help: "Only queued or only held mail.") var state: String?

    func run() async throws {
      try await ask(
        "queue list", choice.arguments.merging(["state": state]) { $1 }, configuration: config, output: output)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Everything about one envelope that waits.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "The envelope.") var id: String

    func run() async throws { try await ask("queue show", ["id": id], configuration: config, output: output) }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Try again now, without waiting for the next time.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @OptionGroup var choice: QueueChoice
    @Flag(help: "All that is queued.") var all = false

    func run() async throws {
      try await change("queue retry", choice, all: all, config, output)
    }
  }

  struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Keep mail from leaving until it is released.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @OptionGroup var choice: QueueChoice
    @Flag(help: "All that is queued.") var all = false

    func run() async throws { try await change("queue hold", choice, all: all, config, output) }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let held mail go on its way.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @OptionGroup var choice: QueueChoice
    @Flag(help: "All that is held.") var all = false

    func run() async throws { try await change("queue release", choice, all: all, config, output) }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Give mail up; nobody is told.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @OptionGroup var choice: QueueChoice

    func run() async throws { try await change("queue delete", choice, all: false, config, output) }
  }

  /// A change must name what it changes: `queue hold` alone does nothing to anybody's mail.
  static func change(
    _ command: String, _ choice: QueueChoice, all: Bool, _ config: ConfigurationOption, _ output: OutputOption
  ) async throws {
    guard all || choice.arguments.values.contains(where: { $0 != nil }) else {
      throw CommandFailure(
        status: 2, "\(command) of what: name recipients or envelopes, or use an option (`postroom help \(command)`)")
    }
    try await ask(command, choice.arguments, configuration: config, output: output)
  }
}
