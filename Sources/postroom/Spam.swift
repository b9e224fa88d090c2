import Administration
import ArgumentParser
import Configuration
import Filtering
import MailFlow

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom spam …`: teaching the classifier, and asking it.
struct Spam: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Teach the classifier what is spam, and ask it.",
    discussion: """
      People teach it by moving messages into Junk and out of it. These commands do the same with messages in files, one \
      message a file; of a folder every file below it.
      """, subcommands: [Train.self, Classify.self, State.self])

  enum Kind: String, ExpressibleByArgument, CaseIterable { case spam, ham, forget }

  struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Learn messages as spam or as ham, or take back what was learned of them.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Option(name: .customLong("as"), help: "spam, ham, or forget.") var kind: Kind
    @Option(help: "Only for this account, and for everybody's counts; without it for everybody's alone.")
    var account: String?
    @Argument(help: "Files and folders; - is standard input.") var files: [String]

    func run() async throws {
      try await askAboutMessages("spam train", ["as": kind.rawValue, "account": account], files, config, output)
    }
  }

  struct Classify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say how much messages look like spam.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Option(help: "As for mail to this account.") var account: String?
    @Argument(help: "Files and folders; - is standard input.") var files: [String]

    func run() async throws {
      try await askAboutMessages("spam classify", ["account": account], files, config, output)
    }
  }

  struct State: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "How much has been learned.")
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption

    func run() async throws { try await ask("spam status", [:], configuration: config, output: output) }
  }
}

/// Asks about each file in turn: the running appliance, or one store that is opened for all of them.
private func askAboutMessages(
  _ command: String, _ arguments: [String: String?], _ names: [String], _ option: ConfigurationOption,
  _ output: OutputOption
) async throws {
  let configuration = try option.load()
  let files = try names.flatMap(filesBelow)
  let client = ControlClient(path: configuration.control.socket)
  let json = output.json
  let show: @Sendable (ControlRow) -> Void = { print(json ? $0.json : $0.text) }
  let request: (String) throws -> ControlRequest = { name in
    guard let bytes = readWholeFile(name == "-" ? "/dev/stdin" : name) else {
      throw CommandFailure("cannot read \(name): \(String(cString: strerror(errno))): name a message in a file")
    }
    let message = MessageTokens(message: bytes)
    var all = arguments.compactMapValues { $0 }
    all["tokens"] = TokenText.encode(message.tokens)
    all["message"] = "\(message.identity)"
    all["name"] = String(name.suffix(500))
    return ControlRequest(command, all)
  }
  func finish(_ end: ControlEnd) throws {
    if !end.message.isEmpty { complain(end.message) }
    if end.status != 0 { throw ExitCode(end.status) }
  }
  guard let first = files.first else { throw CommandFailure("there is no file below \(names.joined(separator: ", "))") }
  // Read before the store is opened: from then on this process may be another user, who may read less.
  var read: [ControlRequest]?
  try await inTurn {
    guard let end = try client.ask(try read?.first ?? request(first), row: show) else { return nil }
    try finish(end)
    for index in files.indices.dropFirst() {
      guard let end = try client.ask(try read?[index] ?? request(files[index]), row: show) else {
        throw CommandFailure("the appliance ended meanwhile: start it, and run the command again")
      }
      try finish(end)
    }
    return ()
  } or: {
    let requests = try read ?? files.map(request)
    read = requests
    try await withOffice(configuration) { office in
      for request in requests {
        try finish(await Command.perform(request, in: office, actor: userName(getuid())) { show($0) })
      }
    }
  }
}

/// A file itself; of a folder all files below it, by name.
private func filesBelow(_ name: String) throws -> [String] {
  var facts = stat()
  guard name != "-", stat(name, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { return [name] }
  guard let folder = opendir(name) else {
    throw CommandFailure("cannot read \(name): \(String(cString: strerror(errno)))")
  }
  defer { closedir(folder) }
  var found: [String] = []
  while let entry = readdir(folder) {
    // Where it lies: the entry ends with the name, so a copy of the whole field would read what is behind it.
    let own = withUnsafePointer(to: &entry.pointee.d_name) { name in
      String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
    }
    if !own.hasPrefix(".") { found += try filesBelow(name + "/" + own) }
  }
  return found.sorted()
}
