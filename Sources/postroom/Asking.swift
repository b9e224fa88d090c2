import Administration
import ArgumentParser
import Configuration
import Store
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The options that most commands share.
struct ConfigurationOption: ParsableArguments {
  @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
  var path = "/etc/postroom/appliance.conf"

  /// The text of the file.
  func bytes() throws -> [UInt8] {
    guard let bytes = readWholeFile(path) else {
      throw CommandFailure("cannot read \(path): \(String(cString: strerror(errno))): name the file with --config")
    }
    return bytes
  }

  func load() throws -> Configuration { try Configuration(bytes: try bytes(), path: path) }
}

/// Listings for a person, or for a program.
struct OutputOption: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print one JSON value a line.")
  var json = false

  func show(_ row: ControlRow) { print(json ? row.json : row.text) }
}

/// Has a command of the table carried out by the running appliance or, where none runs, here, with the store opened
/// under its lock.
func ask(
  _ command: String, _ arguments: [String: String?], configuration option: ConfigurationOption, output: OutputOption
) async throws {
  let configuration = try option.load()
  let request = ControlRequest(command, arguments.compactMapValues { $0 })
  let client = ControlClient(path: configuration.control.socket)
  let json = output.json
  let show: @Sendable (ControlRow) -> Void = { print(json ? $0.json : $0.text) }
  let end = try await carryOut(request, client, configuration, row: show)
  if !end.message.isEmpty { complain(end.message) }
  if end.status != 0 { throw ExitCode(end.status) }
}

/// The rows of a command's answer. Where no appliance runs and there is no store yet, none is made for it.
func answers(
  _ command: String, _ arguments: [String: String], _ configuration: Configuration
) async throws -> [ControlRow] {
  let request = ControlRequest(command, arguments)
  let client = ControlClient(path: configuration.control.socket)
  let found = CollectedRows()
  let hasStore = access(configuration.dataFolder + "/postroom.db", R_OK) == 0
  let end: ControlEnd
  if hasStore {
    end = try await carryOut(request, client, configuration) { found.add($0) }
  } else {
    guard let answer = try client.ask(request, row: { found.add($0) }) else {
      throw CommandFailure("there is no store in \(configuration.dataFolder): start the appliance first")
    }
    end = answer
  }
  guard end.status == 0 else { throw CommandFailure(status: end.status, end.message) }
  return found.rows
}

/// Rows as they come.
private final class CollectedRows: Sendable {
  private let held = Mutex<[ControlRow]>([])

  var rows: [ControlRow] { held.withLock { $0 } }

  func add(_ row: ControlRow) { held.withLock { $0.append(row) } }
}

private func carryOut(
  _ request: ControlRequest, _ client: ControlClient, _ configuration: Configuration,
  row: @escaping @Sendable (ControlRow) -> Void
) async throws -> ControlEnd {
  try await inTurn {
    try client.ask(request, row: row)
  } or: {
    try await LocalOffice.perform(request, configuration, row: row)
  }
}

/// Whoever has the store open answers soon, or lets go of it soon: an appliance that is starting or ending, or another
/// command. So both are tried in turn: to ask (`nil`: nobody answers), and to open the store here.
func inTurn<T>(_ ask: () throws -> T?, or open: () async throws -> T) async throws -> T {
  let deadline = ContinuousClock.now + .seconds(10)
  while true {
    if let answer = try ask() { return answer }
    do {
      return try await open()
    } catch let error as StoreError {
      guard case .locked = error, ContinuousClock.now < deadline else { throw error }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}

/// A small file as bytes; `nil`, with `errno` set, when it cannot be read.
func readWholeFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { return nil }
    if count == 0 { return bytes }
    bytes += chunk[..<count]
  }
}
