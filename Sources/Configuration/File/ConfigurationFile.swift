/// Reads `appliance.conf`.
public enum ConfigurationFile {
  /// Reads and checks a text. Files that it names are not opened.
  ///
  /// - Parameters:
  ///   - path: how the text is called in messages.
  ///   - generation: the number of the configuration that comes of it.
  /// - Returns: the configuration, unless a problem is an error, and all problems in the order of their lines.
  public static func parse(_ text: String, path: String = "appliance.conf", generation: UInt64 = 1)
    -> (configuration: Configuration?, problems: [Problem])
  {
    (nil, [])
  }
}

extension Configuration {
  /// The configuration of a text, or every problem that it has. Warnings are passed over.
  public init(text: String, path: String = "appliance.conf", generation: UInt64 = 1) throws(ConfigurationError) {
    let (configuration, problems) = ConfigurationFile.parse(text, path: path, generation: generation)
    guard let configuration else { throw ConfigurationError(path: path, problems: problems) }
    self = configuration
  }
}
