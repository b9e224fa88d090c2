import ArgumentParser

/// `postroom tlsrpt`: what TLS with other domains came to.
struct TLSReports: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tlsrpt", abstract: "How TLS with other domains' servers went.", subcommands: [Show.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sessions that succeeded and failed, by day and domain.",
      discussion: """
        The words are those of RFC 8460; with --json each line is such a report. Without times the last seven days are \
        shown. Times are RFC 3339 (2026-11-22T09:00:00Z), a date (2026-11-22), or how long ago (3h, 2d); whole days in UTC \
        count.
        """)
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Argument(help: "Only this domain.") var domain: String?
    @Option(help: "Not before this day.") var since: String?
    @Option(help: "Not after this day.") var until: String?

    func run() async throws {
      try await ask(
        "tlsrpt show", ["domain": domain, "since": since, "until": until], configuration: config, output: output)
    }
  }
}
