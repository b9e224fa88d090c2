/// Writes the commented `appliance.conf` out of the schema.
enum Example {
  private static let width = 110

  private static let smallest = """
    The configuration of Postroom, in TOML. The smallest file that takes mail has the lines that are not commented out \
    here: a domain and its accounts. A setting that is commented out shows its default, or an example where the text \
    says what holds without it.
    """
  private static let fresh = """
    The configuration of Postroom, in TOML. Postroom runs with this file as it is, and takes no mail yet: remove the # \
    in front of [[domain]] and [[account]] and of the name under each, and write your own. Then `postroom reload`, and \
    `postroom password NAME` for each account. A setting that is commented out shows its default, or an example where \
    the text says what holds without it.
    """

  /// The whole file. Removing the `#` in front of any of what is commented out leaves a correct file.
  ///
  /// - Parameter isFresh: of a new installation, with everything commented out; else what the smallest file has is written
  ///   with an example's value.
  static func text(isFresh: Bool = false) -> String {
    var lines = wrapped(isFresh ? fresh : smallest, prefix: "# ")
    lines.append("#")
    lines += wrapped(
      "`postroom check` tells everything that is wrong with the file, and `postroom reload` puts a changed file into "
        + "force at once, or leaves the old one in force and says why.",
      prefix: "# ")
    lines += keys(of: Schema.root, commented: false)
    for table in Schema.root.tables { lines += self.table(table, parent: "", isFresh: isFresh) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func table(_ table: TableSchema, parent: String, isFresh: Bool) -> [String] {
    let name = parent + table.name
    let heading = table.isRepeated ? "[[\(name)]]" : "[\(name)]"
    // A table whose keys all have defaults may stand there empty; others only where the smallest file has them.
    let commented =
      switch table.presence {
      case .repeated: true
      case .inSmallest: isFresh
      case .once: table.keys.contains(where: \.isRequired)
      }
    var lines = ["", ""] + wrapped(table.documentation, prefix: "# ")
    lines.append(commented ? "#" + heading : heading)
    lines += keys(of: table, commented: commented)
    for inner in table.tables { lines += self.table(inner, parent: name + ".", isFresh: isFresh) }
    return lines
  }

  private static func keys(of table: TableSchema, commented: Bool) -> [String] {
    table.keys.flatMap { key -> [String] in
      let setting = "\(key.name) = \(key.example)"
      let isWritten = key.isRequired && !commented
      return [""] + wrapped(key.documentation, prefix: "# ") + [isWritten ? setting : "#" + setting]
    }
  }

  /// Breaks a paragraph into lines behind a prefix.
  private static func wrapped(_ text: String, prefix: String) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width - prefix.count {
        lines.append(prefix + line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return line.isEmpty ? lines : lines + [prefix + line]
  }
}

extension ConfigurationFile {
  /// The commented file with every key: what `postroom check --example` prints and the repository has at its top.
  public static var example: String { Example.text() }

  /// The file of a fresh installation: what `postroom check --fresh` prints and the Debian package has in `/etc`.
  public static var fresh: String { Example.text(isFresh: true) }
}
