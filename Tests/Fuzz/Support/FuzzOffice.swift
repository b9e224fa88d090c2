import Accounts
import Configuration
import Logging
import MailFlow
import Message
import Network
import Platform
import Store
import Synchronization

@testable import IMAP

#if canImport(Glibc)
  import Glibc
#endif

/// An office with some mail for one IMAP session: each has a store of its own, so that the same bytes always meet the same
/// mail. The store is a copy of one that was filled once.
final class FuzzOffice: Sendable {
  private let folder: String
  private let store: Store
  private let flow: MailFlow
  private let authenticator: Authenticator
  private let configuration: Configuration

  private static let now = Moment(seconds: 1_790_000_000)
  private static let text = """
    hostname = "mail.example.org"
    postmaster = "alice"
    [[domain]]
    name = "example.org"
    [[account]]
    name = "alice"
    addresses = ["alice@example.org"]
    quota = "1 MiB"
    [limits]
    message-size = "64 KiB"
    disk-reserve = "1 MiB"
    [passwords]
    iterations = 4096
    """
  private static let messages = [
    "From: \"A\" <a@example.org>\r\nTo: b@example.org\r\nSubject: x =?utf-8?Q?=C3=A4?=\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\r\ntext y\r\n",
    "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
      + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4 =ZZ\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--b\r\n"
      + "Content-Type: message/rfc822\r\n\r\nSubject: inner \u{e9}\r\n\r\nz\r\n--b\r\nContent-Transfer-Encoding: x-none\r\n\r\n?\r\n--b--\r\n",
    "Subject: \u{e9}\r\nFrom: \u{e9}@\u{e9}.org\r\n\r\n\u{e9}\r\n", "\r\nno header\r\n",
  ]

  /// The folder with the filled store; made at first use.
  private static let template = Task { () throws -> String in
    let office = try await FuzzOffice(folder: newFolder())
    try await office.authenticator.setPassword(Array("secret".utf8), account: "alice")
    try await office.flow.mailboxes.prepare(account: "alice")
    for message in messages { try await office.file(message, in: "INBOX") }
    try await office.file(messages[1], in: "Archive")
    await office.store.close()
    return office.folder
  }

  /// Runs a session to the end of its input; gives all that it said.
  static func session(_ input: [UInt8], isEncrypted: Bool, small: Bool) async throws -> [UInt8] {
    let office = try await FuzzOffice(folder: copy(of: template.value))
    let stream = GivenStream(input, isEncrypted: isEncrypted) {
      // While somebody idles, mail comes.
      try? await office.file("Subject: new\r\n\r\nnew\r\n", in: "INBOX")
    }
    var limits = SessionLimits()
    if small { (limits.line, limits.command, limits.badCommands, limits.discardedLiteral) = (100, 200, 3, 100) }
    let services = SessionServices(
      store: office.store, flow: office.flow, authenticator: office.authenticator,
      configuration: { [configuration = office.configuration] in configuration },
      log: Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() }), limits: limits)
    await Session(stream, services).run()
    await office.store.close()
    removeFolder(office.folder)
    return stream.output
  }

  private init(folder: String) async throws {
    self.folder = folder
    let quiet = Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })
    var options = Store.Options()
    (options.readers, options.reserve, options.ballast, options.logger) = (1, 0, 0, quiet)
    options.clock = Clock { Self.now }
    store = try Store.open(folder: folder, options: options)
    let configuration = try Configuration(text: Self.text)
    self.configuration = configuration
    authenticator = Authenticator(
      configuration: { configuration }, secrets: StoredSecrets(store), clock: Clock { Self.now },
      random: { [UInt8](repeating: 7, count: $0) }, sleep: { _ in }, logger: quiet)
    flow = MailFlow(
      store: store, configuration: { configuration }, judge: OpenGate(), planner: NoPlanner(),
      clock: Clock { Self.now }, log: quiet)
  }

  private func file(_ message: String, in name: String) async throws {
    let intake = try flow.beginIntake(origin: .append, peer: nil)
    await intake.append(Array(message.utf8))
    let content = try await intake.finish()
    guard let mailbox = try await store.read({ try $0.mailbox(account: "alice", name: name) }) else {
      throw Violation(description: "there is no mailbox \(name)")
    }
    _ = try await flow.mailboxes.append(
      account: "alice", mailbox: mailbox.id, content: content, flags: [], keywords: [], internalDate: Self.now)
  }
}

private struct NoPlanner: Planner {
  func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
    .refused(Answer(550, "5.1.1", "Nobody"))
  }
  func plan(_ message: PlannedMessage) async throws -> Plan { Plan(recipients: [], configurationGeneration: 1) }
}

/// A connection all of whose input is known. Behind STARTTLS the rest of the flight (up to 0x1E) is dropped.
private final class GivenStream: ClientStream {
  private struct State {
    var input: ArraySlice<UInt8>
    var output: [UInt8] = []
    var isEncrypted: Bool
    var woken = false
    var hasIdled = false
  }

  private let state: Mutex<State>
  private let onIdle: @Sendable () async -> Void

  init(_ input: [UInt8], isEncrypted: Bool, onIdle: @escaping @Sendable () async -> Void) {
    state = Mutex(State(input: input[...], isEncrypted: isEncrypted))
    self.onIdle = onIdle
  }

  var output: [UInt8] { state.withLock { $0.output } }
  let peerAddress = IPAddress(bytes: [192, 0, 2, 7])!
  var isEncrypted: Bool { state.withLock { $0.isEncrypted } }
  var canStartTLS: Bool { !isEncrypted }

  func line(limit: Int, within: Duration) async throws -> Line? { nextLine(limit) }

  func lineOrWake(limit: Int, within: Duration) async throws -> LineOrWake {
    let isFirst = state.withLock { state in
      defer { state.hasIdled = true }
      return !state.hasIdled
    }
    if isFirst { await onIdle() }
    let woken = state.withLock { state in
      defer { state.woken = false }
      return state.woken
    }
    if woken { return .woken }
    return nextLine(limit).map { .line($0) } ?? .end
  }

  private func nextLine(_ limit: Int) -> Line? {
    state.withLock { state in
      guard let end = state.input.firstIndex(of: 10) else { return nil }
      var line = Array(state.input[..<end])
      state.input = state.input[(end + 1)...]
      let isStrict = line.last == 13
      if isStrict { line.removeLast() }
      return line.count > limit ? Line(bytes: [], ending: .tooLong) : Line(bytes: line, ending: isStrict ? .crlf : .lf)
    }
  }

  func content(upTo limit: Int, within: Duration, _ take: (UnsafeRawBufferPointer) -> Void) async throws -> Int {
    let octets = state.withLock { state in
      let octets = Array(state.input.prefix(min(limit, 7)))
      state.input = state.input.dropFirst(octets.count)
      return octets
    }
    octets.withUnsafeBytes(take)
    return octets.count
  }

  func write(_ octets: [UInt8]) async throws { state.withLock { $0.output += octets } }
  func wake() { state.withLock { $0.woken = true } }

  func startTLS(goAhead: [UInt8]) async throws {
    state.withLock { state in
      state.output += goAhead
      state.input = state.input.drop { $0 != 0x1e }.dropFirst()
      state.isEncrypted = true
    }
  }
}

// MARK: Folders

private func newFolder() throws -> String {
  let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
  var template = Array("\(place)/postroom-fuzz-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Violation(description: "no folder can be made in \(place)") }
  return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func files(in folder: String) -> [String] {
  guard let names = opendir(folder) else { return [] }
  defer { closedir(names) }
  var result: [String] = []
  while let entry = readdir(names) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
      String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != ".", name != ".." { result.append(name) }
  }
  return result
}

private func copy(of folder: String) throws -> String {
  let new = try newFolder()
  for name in files(in: folder) {
    let bytes = CaseFile.bytes(of: "\(folder)/\(name)")
    let file = open("\(new)/\(name)", O_WRONLY | O_CREAT, 0o600)
    defer { close(file) }
    guard write(file, bytes, bytes.count) == bytes.count else {
      throw Violation(description: "\(name) cannot be copied")
    }
  }
  return new
}

private func removeFolder(_ folder: String) {
  for name in files(in: folder) { unlink("\(folder)/\(name)") }
  rmdir(folder)
}
