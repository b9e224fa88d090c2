/// Reads `appliance.conf`.
public enum ConfigurationFile {
  /// The longest text that is read. Larger than any file that a person writes; a limit, because reading one takes
  /// memory in proportion.
  public static let longest = 8 << 20

  /// Reads and checks a text. Files that it names are not opened.
  ///
  /// - Parameters:
  ///   - path: how the text is called in messages.
  ///   - generation: the number of the configuration that comes of it.
  /// - Returns: the configuration, unless a problem is an error, and all problems in the order of their lines.
  public static func parse(_ text: String, path: String = "appliance.conf", generation: UInt64 = 1)
    -> (configuration: Configuration?, problems: [Problem])
  {
    parse(bytes: Array(text.utf8), path: path, generation: generation)
  }

  /// The same for a file's bytes, which may be no UTF-8.
  public static func parse(bytes: [UInt8], path: String = "appliance.conf", generation: UInt64 = 1)
    -> (configuration: Configuration?, problems: [Problem])
  {
    guard bytes.count <= longest else {
      return (nil, [Problem(line: 0, "the file has \(bytes.count) bytes", "write at most \(longest)")])
    }
    switch TOMLReader.read(bytes) {
    case .failure(let problem): return (nil, [problem])
    case .success(let document):
      guard case .table(let entries) = document.value else { return (nil, []) }
      let findings = Findings()
      let root = Section(Schema.root, entries, line: 0, path: "", findings)
      let configuration = Assembly(root: root, findings: findings).configuration(path: path, generation: generation)
      let sorted = findings.problems.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
      return (configuration, sorted.map(\.element))
    }
  }
}

extension Configuration {
  /// The configuration of a text, or every problem that it has. Warnings are passed over.
  public init(text: String, path: String = "appliance.conf", generation: UInt64 = 1) throws(ConfigurationError) {
    try self.init(bytes: Array(text.utf8), path: path, generation: generation)
  }

  /// The same for a file's bytes, which may be no UTF-8.
  public init(bytes: [UInt8], path: String = "appliance.conf", generation: UInt64 = 1) throws(ConfigurationError) {
    let (configuration, problems) = ConfigurationFile.parse(bytes: bytes, path: path, generation: generation)
    guard let configuration else { throw ConfigurationError(path: path, problems: problems) }
    self = configuration
  }
}
