import ArgumentParser

/// `postroom trace`: where is my message?
struct Trace: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Where is my message? Its whole journey, hop by hop.",
    discussion: """
      Whatever is given must fit. Without anything, the newest messages are listed. Times are RFC 3339 \
      (2026-11-22T09:00:00Z), a date (2026-11-22), or how long ago (3h, 2d).
      """)
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Argument(help: "An envelope's number, a message-id in angle brackets, or an address.") var what: String?
  @Option(help: "The message-id.") var messageID: String?
  @Option(help: "A sender or recipient, or a part of one (@example.org).") var address: String?
  @Option(help: "Words of the subject.") var subject: String?
  @Option(help: "Not before this time.") var since: String?
  @Option(help: "Not after this time.") var until: String?
  @Option(help: "At most so many messages.") var limit = 20

  func run() async throws {
    try await ask(
      "trace",
      [
        "what": what, "message-id": messageID, "address": address, "subject": subject, "since": since, "until": until,
        "limit": String(limit),
      ], configuration: config, output: output)
  }
}
