import Administration
import ArgumentParser
import Platform
import Store

/// `postroom backup FILE`: the whole database, while mail flows.
struct Backup: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy the whole database into a file, while mail flows.",
    discussion: """
      Every message that was acknowledged before the backup began is in it, and the passwords, the queue and the \
      trace as well: keep it as safe as the mail itself. appliance.conf and the certificates are files of yours: copy them too.
      """)
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Argument(help: "The file to make; it must not exist yet.") var file: String

  func run() async throws {
    try await ask("backup", ["file": absolutePath(file)], configuration: config, output: output)
  }
}

/// `postroom restore FILE`: a backup into an empty data folder.
struct Restore: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put a backup into the data folder, which must be empty.",
    discussion: """
      All mailboxes get a new UIDVALIDITY, so that mail programs fetch them anew instead of mixing up messages. Mail \
      that was waiting to leave may have left since the backup: with --hold it waits until you release it.
      """)
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Argument(help: "The backup.") var file: String
  @Flag(help: "Hold the mail that waits in the queue.") var hold = false

  func run() throws {
    let configuration = try config.load()
    try becomeService(owning: configuration.dataFolder)
    let report = try Store.restore(
      file, into: configuration.dataFolder, holdingQueue: hold, at: Clock.system.now())
    struct Line: Encodable {
      let messages: Int
      let mailboxes: Int
      let queued: Int
    }
    output.show(
      try ControlRow(
        text: "Restored \(report.messages) messages in \(report.mailboxes) mailboxes, \(report.queued) in the queue.",
        Line(messages: report.messages, mailboxes: report.mailboxes, queued: report.queued)))
  }
}

/// `postroom fsck`: is everything accounted for?
struct Fsck: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prove that the database is sound and every recipient accounted for.",
    discussion: "Changes nothing. Works while the appliance runs, and without it.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption

  func run() async throws { try await ask("fsck", [:], configuration: config, output: output) }
}
