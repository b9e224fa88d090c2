import FaultyDisk
import Glibc
import Logging
import Platform
import Synchronization
import Testing

@testable import Store

/// A clock that stands still until a test turns it.
final class HandClock: Sendable {
  private let time = Mutex(Moment(seconds: 1_800_000_000))

  var clock: Clock { Clock { [self] in now } }
  var now: Moment { time.withLock { $0 } }
  func turn(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// A folder of a test's own.
final class Folder: Sendable {
  let path: String
  private let copies = Mutex<[Folder]>([])

  init() {
    var template = Array("/tmp/postroom-store-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nowhere"
  }

  /// The files as a crash would leave them, in another folder: copied while the store is open.
  func copy() -> Folder {
    let copy = Folder()
    for name in ["postroom.db", "postroom.db-wal"] {
      if let bytes = read(path + "/" + name) { write(copy.path + "/" + name, bytes) }
    }
    copies.withLock { $0.append(copy) }
    return copy
  }

  func remove() {
    for copy in copies.withLock({ $0 }) { copy.remove() }
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      unlink(path + "/" + name)
    }
    closedir(folder)
    rmdir(path)
  }
}

/// Gives a test a folder, removed with all that is in it.
func withFolder(_ body: (Folder) async throws -> Void) async throws {
  let folder = Folder()
  defer { folder.remove() }
  try await body(folder)
}

func read(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
  return bytes
}

func write(_ path: String, _ bytes: [UInt8]) {
  guard let file = fopen(path, "w") else { return }
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

func mode(_ path: String) -> mode_t {
  var facts = stat()
  return stat(path, &facts) == 0 ? facts.st_mode & 0o777 : 0
}

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

func options(_ change: (inout Store.Options) -> Void = { _ in }) -> Store.Options {
  var options = Store.Options()
  options.readers = 1
  options.ballast = 0
  options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  change(&options)
  return options
}

/// Opens a store in a new folder, and checks its balance after the test.
func withStore(
  _ options: Store.Options = options(), _ body: (Store, Folder) async throws -> Void
) async throws {
  try await withFolder { folder in
    let store = try Store.open(folder: folder.path, options: options)
    try await body(store, folder)
    let report = try await store.check()
    #expect(report.problems == [])
    await store.close()
  }
}

/// As ``withStore(_:_:)``, on a disk in memory that can be made to fail.
func withDisk(_ body: (Store, MemoryDisk) async throws -> Void) async throws {
  try await withFolder { folder in
    let disk = MemoryDisk(folder: folder.path)
    defer { disk.remove() }
    let store = try Store.open(folder: folder.path, options: options { $0.vfs = MemoryDisk.layer })
    try await body(store, disk)
    #expect(try await store.check().problems == [])
    await store.close()
  }
}

let noon = Moment(seconds: 1_800_000_000)

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A small message; different texts are different bodies.
func message(_ text: String, subject: String = "hello") -> NewContent {
  let body = bytes(text)
  return NewContent(
    header: bytes("Subject: \(subject)\r\n\r\n"), body: .bytes([body], sha256: SHA256.hash(body)),
    envelope: bytes("(envelope)"), bodyStructure: bytes("(structure)"), structure: [1, 2, 3], facts: 5)
}

extension Transaction {
  /// The account's inbox, made when it is missing.
  mutating func inbox(_ account: String = "anna") throws -> MailboxID {
    try (mailbox(account: account, name: "INBOX") ?? createMailbox(account: account, name: "INBOX")).id
  }

  mutating func file(_ text: String, in mailbox: MailboxID, flags: Flags = [], keywords: [String] = []) throws -> Filed
  {
    let content = try insert(message(text))
    return try file(
      NewEntry(mailbox: mailbox, content: content.id, flags: flags, keywords: keywords, internalDate: noon))
  }

  mutating func envelope(
    _ sender: String? = "bob@example.org", messageID: String? = nil, subject: String? = nil,
    fingerprint: Int64? = nil, at: Moment = noon
  ) throws -> (EnvelopeID, ContentID) {
    let content = try insert(message("mail from \(sender ?? "nobody") \(messageID ?? "")"))
    let id = try insert(
      NewEnvelope(
        at: at, origin: "mx", content: content.id, sender: sender, fingerprint: fingerprint, messageID: messageID,
        subject: subject, size: content.size))
    return (id, content.id)
  }
}

extension Store {
  /// An inbox with messages `0`, `1`, … of one account.
  func filled(_ count: Int, account: String = "anna") async throws -> MailboxID {
    try await write { transaction in
      let inbox = try transaction.inbox(account)
      for number in 0..<count { _ = try transaction.file("message \(number)", in: inbox) }
      return inbox
    }
  }
}

func step(_ what: String, _ recipient: String? = nil) -> TraceStep {
  TraceStep(at: noon, recipient: recipient, stage: "test", what: what)
}
