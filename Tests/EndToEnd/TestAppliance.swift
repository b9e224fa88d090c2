import Foundation

/// The built binary, running on loopback ports and in a folder of its own.
///
/// `@unchecked Sendable`: it changes only while it starts and stops, which a test does on one thread; suites that share
/// one do neither.
final class TestAppliance: @unchecked Sendable {
  struct Failed: Error, CustomStringConvertible { let description: String }

  let folder: Folder
  let hostname: String
  let domain: String
  private(set) var configuration: String
  private var process: Child?
  private(set) var ports: [String: Int] = [:]
  var environment: [String: String] = [:]
  /// Program and arguments before the binary's, such as those that enter another mount namespace.
  private let launcher: [String]

  static let password = "correct horse"
  /// The binary that `swift build` has made beside the tests, or the one that `POSTROOM_BINARY` names: to measure a release
  /// build.
  static let binary: String = {
    if let named = ProcessInfo.processInfo.environment["POSTROOM_BINARY"] { return named }
    let tests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let beside = tests.appendingPathComponent("postroom").path
    let usual = package.appendingPathComponent(".build/debug/postroom").path
    return FileManager.default.isExecutableFile(atPath: beside) ? beside : usual
  }()

  var configurationFile: String { folder.file("appliance.conf") }

  /// Makes the folder, the configuration and the passwords. Nothing runs yet.
  ///
  /// - Parameters:
  ///   - extra: further tables of the configuration.
  ///   - iterations: what a password costs; the least that is allowed, but where a test is about that.
  ///   - top: further keys before the first table.
  ///   - data: another data folder.
  ///   - launcher: program and arguments before the binary's.
  init(
    domain: String = "office.example", accounts: [String] = ["alice", "bob"], quota: String? = nil, top: String = "",
    extra: String = "", plaintext: Bool = false, iterations: Int = 4096, data: String? = nil, launcher: [String] = []
  ) throws {
    folder = try Folder()
    self.launcher = launcher
    self.domain = domain
    hostname = "mail." + domain
    var text = """
      hostname = "\(hostname)"
      data-folder = "\(data ?? folder.file("data"))"
      \(top)

      [[domain]]
      name = "\(domain)"

      [control]
      socket = "\(folder.file("control"))"

      [passwords]
      iterations = \(iterations)

      """
    for account in accounts {
      text += "[[account]]\nname = \"\(account)\"\n"
      if let quota { text += "quota = \"\(quota)\"\n" }
    }
    for service in ["smtp", "submission", "submissions", "imap", "imaps"] where !extra.contains("[\(service)]") {
      text += "[\(service)]\nlisten = [\"127.0.0.1:0\"]\n"
    }
    // No test writes to the internet.
    if !extra.contains("[relay]") { text += "[relay]\ndirect = false\n" }
    if !extra.contains("[authentication]") { text += "[authentication]\nincoming = \"off\"\n" }
    if plaintext { text += "[network]\nplaintext-passwords-from = [\"127.0.0.0/8\"]\n" }
    configuration = text + extra + "\n"
    _ = try folder.write("appliance.conf", configuration)
    for account in accounts {
      let done = try command(["password", account], input: Self.password + "\n")
      guard done.status == 0 else { throw Failed(description: "password: \(done)") }
    }
  }

  deinit { kill() }

  /// Makes an appliance and starts it.
  static func running(
    domain: String = "office.example", accounts: [String] = ["alice", "bob"], quota: String? = nil, top: String = "",
    extra: String = "", plaintext: Bool = false, iterations: Int = 4096
  ) throws -> TestAppliance {
    let appliance = try TestAppliance(
      domain: domain, accounts: accounts, quota: quota, top: top, extra: extra, plaintext: plaintext,
      iterations: iterations)
    try appliance.start()
    return appliance
  }

  /// Writes another configuration; `reload` or a start reads it.
  func configure(_ change: (String) -> String) throws {
    configuration = change(configuration)
    _ = try folder.write("appliance.conf", configuration)
  }

  /// Starts the binary and waits until it tells its ports.
  func start() throws {
    // A socket left by a killed process would be taken for a running one.
    try? FileManager.default.removeItem(atPath: folder.file("control"))
    let log = folder.file("log")
    let process = try Child(
      launcher + [Self.binary, "serve", "--config", configurationFile], environment: environment, output: log,
      errors: log)
    self.process = process
    Leftovers.add(process.processID)
    try waitUntilReady()
  }

  var processID: Int32 { process?.processID ?? -1 }
  var isRunning: Bool { process?.isRunning == true }
  var log: String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }

  private func waitUntilReady() throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline {
      guard isRunning else { break }
      if FileManager.default.fileExists(atPath: folder.file("control")) {
        let status = try command(["status", "--json"])
        if status.status == 0, let found = Self.ports(in: status.output) {
          ports = found
          return
        }
      }
      usleep(20_000)
    }
    throw Failed(description: "the appliance did not start:\n\(log)")
  }

  private static func ports(in status: String) -> [String: Int]? {
    guard let line = status.split(separator: "\n").first,
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
      let running = object["running"] as? [String: Any], let services = running["services"] as? [[String: Any]]
    else { return nil }
    var ports: [String: Int] = [:]
    for service in services {
      guard let name = service["name"] as? String, let address = (service["addresses"] as? [String])?.first,
        let port = address.split(separator: ":").last.flatMap({ Int($0) })
      else { continue }
      ports[name] = port
    }
    return ports
  }

  func port(_ service: String) throws -> Int {
    guard let port = ports[service] else { throw Failed(description: "no port for \(service): \(ports)\n\(log)") }
    return port
  }

  /// Ends the process as an administrator would, and waits.
  @discardableResult func stop() -> Int32 {
    guard let process, process.isRunning else { return -1 }
    process.signal(SIGTERM)
    return process.wait()
  }

  /// Ends the process as a power cut would.
  func kill() { process?.end() }

  /// The command line on this appliance's configuration.
  func command(_ arguments: [String], input: String? = nil) throws -> Finished {
    let words = launcher + [Self.binary] + arguments + ["--config", configurationFile]
    return try Program.run(words[0], Array(words.dropFirst()), input: input)
  }

  /// A command that must succeed; what it printed.
  @discardableResult func tell(_ arguments: String...) throws -> String {
    let finished = try command(arguments)
    guard finished.status == 0 else { throw Failed(description: "postroom \(arguments): \(finished)\n\(log)") }
    return finished.output
  }

  /// JSON values of a listing.
  func list(_ arguments: String...) throws -> [[String: Any]] {
    let finished = try command(arguments + ["--json"])
    guard finished.status == 0 else { throw Failed(description: "postroom \(arguments): \(finished)\n\(log)") }
    return finished.output.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  // MARK: Mail by hand

  /// Sends one message on the MX port and returns the reply to its content.
  @discardableResult func receive(
    from sender: String = "someone@elsewhere.example", to recipients: [String], _ content: String
  ) throws -> String {
    let wire = try Wire(port: try port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<\(sender)>", 250)
    for recipient in recipients { try wire.ask("RCPT TO:<\(recipient)>", 250) }
    try wire.ask("DATA", 354)
    try wire.send(content + "\r\n.\r\n")
    let reply = try wire.expect(250)
    try wire.ask("QUIT", 221)
    return reply
  }

  /// Sends one message of alice's on the submission port; the appliance must allow passwords there.
  func submit(to recipients: [String], _ body: String = "hello") throws {
    let wire = try Wire(port: try port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("AUTH PLAIN \(Data("\0alice\0\(Self.password)".utf8).base64EncodedString())", 235)
    try wire.ask("MAIL FROM:<alice@office.example>", 250)
    for recipient in recipients { try wire.ask("RCPT TO:<\(recipient)>", 250) }
    try wire.ask("DATA", 354)
    try wire.send("From: alice@office.example\r\nSubject: out\r\n\r\n\(body)\r\n.\r\n")
    try wire.expect(250)
  }

  /// Waits until the newest message's trace says something, and gives it.
  func trace(of recipient: String, says words: String) throws -> String {
    var text = ""
    do {
      try Self.wait("\(words) in the trace of mail to \(recipient)") {
        text = try command(["trace", recipient, "--limit", "1"]).output
        return text.contains(words)
      }
    } catch {
      throw Failed(description: "\(error)\n\(text)\n\(log)")
    }
    return text
  }

  /// An IMAP session over a plain connection; the appliance must allow passwords there.
  func imap(
    _ account: String = "alice", select mailbox: String? = "INBOX", seconds: Int = 15, window: Int32? = nil
  ) throws -> Wire {
    let wire = try Wire(port: try port("imap"), seconds: seconds, window: window)
    _ = try wire.line()
    let login = try wire.imap("LOGIN \(account) \"\(Self.password)\"")
    guard login.last?.hasPrefix("a OK") == true else { throw Failed(description: wire.transcript) }
    if let mailbox {
      guard try wire.imap("SELECT \"\(mailbox)\"").last?.hasPrefix("a OK") == true else {
        throw Failed(description: wire.transcript)
      }
    }
    return wire
  }

  /// How many messages a mailbox has.
  func count(_ account: String = "alice", in mailbox: String = "INBOX") throws -> Int {
    let wire = try imap(account, select: nil)
    let lines = try wire.imap("STATUS \"\(mailbox)\" (MESSAGES)")
    for line in lines {
      if let range = line.range(of: "MESSAGES ") {
        return Int(line[range.upperBound...].prefix { $0.isNumber }) ?? -1
      }
    }
    throw Failed(description: wire.transcript)
  }

  /// Waits until the sessions of a service are over, and what became of their replies is known.
  func waitUntilNobodyIsConnected(_ service: String) throws {
    try Self.wait("nobody is connected to \(service)") {
      let running = try list("status").first?["running"] as? [String: Any]
      let services = running?["services"] as? [[String: Any]] ?? []
      return services.first { $0["name"] as? String == service }?["connections"] as? Int == 0
    }
  }

  /// Waits until something holds; a failure says what was waited for. Nothing is measured by it: it takes as long as a busy
  /// machine needs.
  static func wait(_ what: String, seconds: Double = 60, until condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
      if try condition() { return }
      usleep(20_000)
    }
    throw Failed(description: "waited \(seconds) s in vain: \(what)")
  }
}

/// Appliances that a whole suite shares end with the test process.
enum Leftovers {
  private static let lock = NSLock()
  nonisolated(unsafe) private static var processes: [Int32] = []  // every access holds `lock`
  private static let atEnd: Void = {
    atexit { Leftovers.killAll() }
  }()

  static func add(_ process: Int32) {
    _ = atEnd
    lock.withLock { processes.append(process) }
  }

  private static func killAll() {
    lock.withLock { for process in processes { kill(process, SIGKILL) } }
  }
}
