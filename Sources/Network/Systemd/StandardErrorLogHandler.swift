public import Logging
public import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// Writes log events as lines to standard error, for a terminal or whatever stands there.
public struct StandardErrorLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  public var logLevel: Logger.Level = .info
  private let label: String
  private let clock: Clock

  public init(label: String, clock: Clock = .system) {
    self.label = label
    self.clock = clock
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var all = metadataProvider?.get() ?? [:]
    all.merge(metadata) { $1 }
    if let own = event.metadata { all.merge(own) { $1 } }
    if let error = event.error { all["error"] = "\(error)" }
    let line = Array(Self.line(event, metadata: all, label: label, at: clock.now()).utf8)
    // One call a line, so that lines of several threads do not mix.
    _ = Glibc.write(STDERR_FILENO, line, line.count)
  }

  static func line(_ event: LogEvent, metadata: Logger.Metadata, label: String, at moment: Moment) -> String {
    var line = "\(moment) \(event.level) \(label): \(event.message)"
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
    // Whatever strangers wrote stays on its line and does nothing to the terminal.
    return String(String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : $0 }))
      + "\n"
  }
}
