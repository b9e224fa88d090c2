internal import CSystemd
public import Logging

#if canImport(Glibc)
  import Glibc
#endif

/// Writes log events into the system's journal, with the metadata as fields of their own: `POSTROOM_PEER=…` can be
/// asked for with `journalctl POSTROOM_PEER=…`.
public struct JournalLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  public var logLevel: Logger.Level = .info
  private let label: String
  private let identifier: String

  /// - Parameter identifier: `SYSLOG_IDENTIFIER`.
  public init(label: String, identifier: String = "postroom") {
    self.label = label
    self.identifier = identifier
  }

  /// Whether standard error is connected to the journal (`JOURNAL_STREAM`, systemd.exec(5)): then it is there to write to.
  public static var isAvailable: Bool {
    guard let variable = getenv("JOURNAL_STREAM") else { return false }
    let parts = String(cString: variable).split(separator: ":")
    var status = stat()
    guard parts.count == 2, fstat(STDERR_FILENO, &status) == 0 else { return false }
    return UInt64(parts[0]) == UInt64(status.st_dev) && UInt64(parts[1]) == UInt64(status.st_ino)
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let fields = Self.fields(
      event, metadata: merged(event), label: label, identifier: identifier)
    fields.withUnsafeVectors { vectors in _ = sd_journal_sendv(vectors.baseAddress, Int32(clamping: vectors.count)) }
  }

  private func merged(_ event: LogEvent) -> Logger.Metadata {
    var all = metadataProvider?.get() ?? [:]
    all.merge(metadata) { $1 }
    if let own = event.metadata { all.merge(own) { $1 } }
    if let error = event.error { all["error"] = "\(error)" }
    return all
  }

  /// The entry's fields as the journal wants them: `NAME=value`.
  static func fields(
    _ event: LogEvent, metadata: Logger.Metadata, label: String, identifier: String
  ) -> [String] {
    var fields = [
      "MESSAGE=\(event.message)", "PRIORITY=\(priority(event.level))", "SYSLOG_IDENTIFIER=\(identifier)",
      "LOGGER=\(label)",
    ]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { fields.append("\(fieldName(key))=\(value)") }
    return fields
  }

  /// journald takes capital letters, digits and underscores, and no leading underscore; 64 bytes at most.
  static func fieldName(_ key: String) -> String {
    let letters = key.utf8.map { byte -> UInt8 in
      switch byte {
      case 0x61...0x7a: byte - 0x20
      case 0x41...0x5a, 0x30...0x39: byte
      default: UInt8(ascii: "_")
      }
    }
    return String(decoding: ("POSTROOM_".utf8 + letters).prefix(64), as: UTF8.self)
  }

  /// syslog(3)'s levels.
  static func priority(_ level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}

extension [String] {
  /// The strings as `iovec`s, valid during the call.
  fileprivate func withUnsafeVectors(_ body: (UnsafeBufferPointer<iovec>) -> Void) {
    let bytes = flatMap { Array<UInt8>($0.utf8) }
    let lengths = map { $0.utf8.count }
    bytes.withUnsafeBytes { all in
      guard let base = all.baseAddress else { return }
      var offset = 0
      let vectors = lengths.map { length in
        defer { offset += length }
        return iovec(iov_base: UnsafeMutableRawPointer(mutating: base + offset), iov_len: length)
      }
      vectors.withUnsafeBufferPointer(body)
    }
  }
}
