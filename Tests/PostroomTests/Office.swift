import Configuration
import Logging
import NIOPosix
import Network
import Platform
import Postroom
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// An appliance on ephemeral ports in a folder of its own, gone when the test is.
final class Office: Sendable {
  let folder: String
  let log = Log()

  init() throws {
    var template = Array("/tmp/postroom-test-XXXXXX".utf8CString)
    _ = try #require(mkdtemp(&template))
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    let folder = folder
    _ = popen("rm -rf '\(folder)'", "r").map { pclose($0) }
  }

  /// A configuration with one account, alice.
  func text(
    hostname: String = "mail.office.example", on services: [Configuration.Service.Name] = [.smtp, .imap],
    extra: String = ""
  ) -> String {
    var text = """
      hostname = "\(hostname)"
      data-folder = "\(folder)/data"

      [[domain]]
      name = "office.example"

      [[account]]
      name = "alice"
      addresses = ["alice@office.example"]

      [control]
      socket = "\(folder)/control"

      [passwords]
      iterations = 4096

      [limits]
      disk-reserve = "1 MiB"

      [authentication]
      incoming = "off"

      [network]
      plaintext-passwords-from = ["127.0.0.0/8"]

      """
    for name in Configuration.Service.Name.allCases where !extra.contains("[\(name.rawValue)]") {
      text += "[\(name.rawValue)]\n"
      text += services.contains(name) ? "listen = [\"127.0.0.1:0\"]\n" : "enabled = false\n"
    }
    return text + extra
  }

  func configuration(_ text: String? = nil) throws -> Configuration {
    try Configuration(text: text ?? self.text())
  }

  func write(_ name: String, _ text: String) throws -> String {
    let path = folder + "/" + name
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    let bytes = Array(text.utf8)
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return path
  }

  var logger: Logger {
    var logger = Logger(label: "test") { [log] _ in KeepingLogHandler(log: log) }
    logger.logLevel = .info
    return logger
  }

  /// Runs an appliance while `body` runs, then ends it in good order.
  func run<T: Sendable>(
    _ configuration: Configuration? = nil, options: Appliance.Options = Appliance.Options(),
    configurationFile: String? = nil, _ body: (Appliance) async throws -> T
  ) async throws -> T {
    let appliance = Appliance(
      try configuration ?? self.configuration(), configurationFile: configurationFile, options: options, logger: logger)
    let run = Task { try await appliance.run() }
    await appliance.waitUntilReady()
    let result: Result<T, any Error>
    do { result = .success(try await body(appliance)) } catch { result = .failure(error) }
    appliance.beginShutdown()
    try await run.value
    return try result.get()
  }
}

/// What was logged.
final class Log: Sendable {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }
  func keep(_ line: String) { kept.withLock { $0.append(line) } }
  func contains(_ words: String) -> Bool { lines.contains { $0.contains(words) } }
}

struct KeepingLogHandler: LogHandler {
  let log: Log
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  var logLevel: Logger.Level = .info

  init(log: Log) { self.log = log }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    log.keep("\(event.level) \(event.message) " + all.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
  }
}

/// Time limits that only a hanging test reaches.
let patience: Duration = .seconds(60)

/// Speaks with an appliance as a client does.
struct Client {
  static let connector = Connector(on: MultiThreadedEventLoopGroup.singleton, resolverThreads: 1)

  static func connect(_ appliance: Appliance, _ service: Configuration.Service.Name) async throws -> Connection {
    let port = try #require(appliance.port(of: service))
    let address = try #require(IPAddress("127.0.0.1"))
    return try await connector.connect(to: PeerAddress(address: address, port: port))
  }

  static func expectGreeting(
    _ appliance: Appliance, _ service: Configuration.Service.Name, _ start: String,
    _ location: SourceLocation = #_sourceLocation
  ) async throws {
    let greeting = try await greeting(appliance, service)
    #expect(greeting?.hasPrefix(start) == true, sourceLocation: location)
  }

  /// Connects, and gives the greeting.
  static func greeting(_ appliance: Appliance, _ service: Configuration.Service.Name) async throws -> String? {
    let connection = try await connect(appliance, service)
    let greeting = try await connection.text()
    await connection.close()
    return greeting
  }
}

extension Connection {
  func text() async throws -> String? {
    try await line(limit: 4096, within: patience).map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  /// Says a line and gives the last line of the SMTP reply.
  @discardableResult func ask(_ command: String) async throws -> String {
    try await write(command + "\r\n")
    return try await reply()
  }

  func reply() async throws -> String {
    while let line = try await text() {
      if line.utf8.count < 4 || line.utf8.dropFirst(3).first != UInt8(ascii: "-") { return line }
    }
    return ""
  }

  /// Says an IMAP command and gives all lines to its tagged one.
  @discardableResult func imap(_ tag: String, _ command: String) async throws -> [String] {
    try await write("\(tag) \(command)\r\n")
    var lines: [String] = []
    while let line = try await text() {
      lines.append(line)
      if line.hasPrefix("\(tag) ") { break }
    }
    return lines
  }
}
