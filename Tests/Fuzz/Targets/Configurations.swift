@testable import Configuration

extension FuzzTarget {
  /// `appliance.conf`, as bytes.
  static let configuration = FuzzTarget(
    "configuration",
    covers: [
      "Configuration/File/ConfigurationFile.swift", "Configuration/File/Section.swift",
      "Configuration/File/TOMLNode.swift",
      "Configuration/File/Assembly.swift", "Configuration/File/Assembly+Circles.swift",
      "Configuration/File/Assembly+People.swift",
      "Configuration/File/Assembly+Policy.swift", "Configuration/File/Assembly+Services.swift",
      "Configuration/Schema/Kind.swift",
      "Configuration/Schema/Quantity.swift", "Configuration/Schema/Suggestion.swift", "CTOML/ctoml.cpp",
    ],
    words: [
      "\n", "[", "]", "[[", "]]", " = ", "\"", "\"\"\"", "{", "}", "true", "1979-05-27", "0x1f", "1e5", ", ", ".", "#",
      "'", "\\u0041", "[[domain]]\n", "[[account]]\n",
    ] + Schema.root.words,
    seeds: [
      "hostname = \"mail.example.org\"\npostmaster = \"alice\"\n[[domain]]\nname = \"example.org\"\n[[account]]\nname = \"alice\"\naddresses = [\"alice@example.org\"]\n",
      Schema.root.words.joined(),
    ]
  ) { bytes in
    let (configuration, problems) = ConfigurationFile.parse(bytes: bytes)
    let lines = bytes.count { $0 == 10 } + 1
    let hasErrors = problems.contains { $0.severity == .error }
    try require(
      (configuration == nil) == hasErrors, "a text with errors gives a configuration, or one without gives none")
    for problem in problems {
      try require((0...lines).contains(problem.line), "a problem in line \(problem.line) of \(lines)")
      try require(!problem.whatIsWrong.isEmpty && !problem.whatToWrite.isEmpty, "a problem without a sentence")
      try require(
        problem.description.utf8.allSatisfy { $0 >= 32 && $0 != 127 }, "a problem with a control character: \(problem)")
    }
    try Planted.bug(where: configuration?.accounts.contains { $0.addresses.count > 1 } == true)
  }
}

extension TableSchema {
  /// Each key with the value of the example, each table with its heading: together a file with everything in it.
  fileprivate var words: [String] { lines(parent: "") }

  private func lines(parent: String) -> [String] {
    let path = parent + name
    let heading = path.isEmpty ? [] : [isRepeated ? "[[\(path)]]\n" : "[\(path)]\n"]
    let inner = tables.flatMap { $0.lines(parent: path.isEmpty ? "" : path + ".") }
    return heading + keys.map { "\($0.name) = \($0.example)\n" } + inner
  }
}
