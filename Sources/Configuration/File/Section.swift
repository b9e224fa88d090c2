/// Gathers what is wrong with a text while it is read. Belongs to one reading.
final class Findings {
  /// In the order in which they were found; a table that is opened twice reports its problems once.
  private(set) var problems: [Problem] = []
  private var seen: Set<Problem> = []
  /// The line of every key that was written: `tls.key`, `account[0].addresses`.
  private(set) var lines: [String: Int] = [:]

  func error(_ line: Int, _ whatIsWrong: String, _ whatToWrite: String) {
    add(Problem(.error, line: line, whatIsWrong, whatToWrite))
  }

  func warning(_ line: Int, _ whatIsWrong: String, _ whatToWrite: String) {
    add(Problem(.warning, line: line, whatIsWrong, whatToWrite))
  }

  private func add(_ problem: Problem) {
    if seen.insert(problem).inserted { problems.append(problem) }
  }

  func note(_ path: String, line: Int) { lines[path] = line }

  var hasErrors: Bool { problems.contains { $0.severity == .error } }
}

/// One table of the text beside what the schema says of it.
struct Section {
  let schema: TableSchema
  /// The line of its `[name]`; 0 when it is not written.
  let line: Int
  /// Where it is in the document, with a dot behind it: `tls.`, `account[0].`; empty for the document.
  let path: String
  private let entries: [String: TOMLNode.Entry]
  private let findings: Findings

  /// Opens a table and reports every key in it that the schema does not know.
  init(_ schema: TableSchema, _ entries: [TOMLNode.Entry], line: Int, path: String, _ findings: Findings) {
    self.schema = schema
    self.line = line
    self.path = path
    self.findings = findings
    var known: [String: TOMLNode.Entry] = [:]
    for entry in entries {
      guard schema.names.contains(entry.key) else {
        findings.error(
          entry.line, "there is no key \"\(entry.key)\"\(schema.place)", schema.advice(forUnknown: entry.key))
        continue
      }
      known[entry.key] = entry
      findings.note(path + entry.key, line: entry.line)
    }
    self.entries = known
  }

  /// The line of a key, or of the table where the key is not written.
  func line(of key: some SchemaKey) -> Int { entries[key.name]?.line ?? line }

  func has(_ key: some SchemaKey) -> Bool { entries[key.name] != nil }

  func has(named name: String) -> Bool { entries[name] != nil }

  /// The value; `nil` where there is none, or a wrong one, which is reported.
  func read<Value>(_ key: Key<Value>) -> Value? {
    guard let entry = entries[key.name] else {
      if key.isRequired {
        let what = schema.name.isEmpty ? "the file" : "this \(schema.heading)"
        findings.error(line, "\(what) has no \(key.name)", "write, for instance, \(key.name) = \(key.example)")
      }
      return nil
    }
    return value(of: entry, key.kind)
  }

  /// The value, or the default where it is not written or wrong.
  func read<Value>(_ setting: Setting<Value>) -> Value {
    guard let entry = entries[setting.name] else { return setting.defaultValue }
    return value(of: entry, setting.kind) ?? setting.defaultValue
  }

  private func value<Value>(of entry: TOMLNode.Entry, _ kind: Kind<Value>) -> Value? {
    if let value = kind.read(entry.node) { return value }
    let parts = kind.parts(entry.node)
    if !parts.isEmpty {
      for part in parts { findings.error(part.line, "\(entry.key): \(part.whatIsWrong)", part.whatToWrite) }
    } else {
      findings.error(entry.line, "\(entry.key) is \(entry.node.written)", "write \(kind.expectation)")
    }
    return nil
  }

  /// The table of that name, empty where it is not written.
  func table(_ schema: TableSchema) -> Section {
    let path = path + schema.name + "."
    guard let entry = entries[schema.name] else { return Section(schema, [], line: 0, path: path, findings) }
    if case .table(let inner) = entry.node.value {
      return Section(schema, inner, line: entry.line, path: path, findings)
    }
    findings.error(
      entry.line, "\(schema.name) is \(entry.node.kind)", "write \(schema.heading), with its keys on the lines below")
    return Section(schema, [], line: entry.line, path: path, findings)
  }

  /// Whether the table is written at all.
  func has(_ schema: TableSchema) -> Bool { entries[schema.name] != nil }

  /// All tables of that name.
  func tables(_ schema: TableSchema) -> [Section] {
    guard let entry = entries[schema.name] else { return [] }
    guard case .array(let nodes) = entry.node.value else {
      findings.error(
        entry.line, "\(schema.name) is \(entry.node.kind)",
        "write \(schema.heading) with two brackets, once for each \(schema.name)")
      return []
    }
    return nodes.enumerated().compactMap { index, node in
      let path = "\(path)\(schema.name)[\(index)]."
      if case .table(let inner) = node.value { return Section(schema, inner, line: node.line, path: path, findings) }
      findings.error(node.line, "\(schema.name) is a list with \(node.kind) in it", "write \(schema.heading)")
      return nil
    }
  }
}

extension TableSchema {
  /// As it is written: `[limits]`, `[[account]]`, `[[tls.name]]`.
  var heading: String {
    let name = name == Schema.TLSTable.Name.schema.name && presence == .repeated ? "tls.name" : name
    return isRepeated ? "[[\(name)]]" : "[\(name)]"
  }

  fileprivate var place: String { name.isEmpty ? " before the first table" : " in \(heading)" }

  /// What must be written in it at least.
  var smallest: String {
    keys.filter(\.isRequired).map { "\($0.name) = \($0.example)" }.joined(separator: ", ")
  }

  /// The nearest name of this table; else where else the name is known; else all names.
  fileprivate func advice(forUnknown name: String) -> String {
    if let nearest = Suggestion.nearest(to: name, among: names) { return "did you mean \"\(nearest)\"?" }
    let elsewhere = Schema.root.places(of: name)
    if !elsewhere.isEmpty { return "it belongs \(elsewhere.joined(separator: " or "))" }
    return "write one of \(names.joined(separator: ", "))"
  }

  private func places(of key: String) -> [String] {
    let here = keys.contains { $0.name == key } ? [name.isEmpty ? "before the first table" : "in \(heading)"] : []
    return here + tables.flatMap { $0.places(of: key) }
  }
}
