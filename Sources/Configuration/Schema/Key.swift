/// One key of the file: what it means, and what may be written there.
///
/// The schema is made of keys and tables, and everything else is made of the schema: reading, checking, suggestions for
/// unknown keys, and the commented `appliance.conf`.
protocol SchemaKey: Sendable {
  var name: String { get }
  /// Sentences for the administrator, without line breaks.
  var documentation: String { get }
  /// How the example writes it: the default, where there is one.
  var example: String { get }
  /// Whether the file must have it.
  var isRequired: Bool { get }
  /// Whether leaving it out means what ``example`` says.
  var hasDefault: Bool { get }
  /// Completes "write …".
  var expectation: String { get }
}

/// A key without a default: it must be written, or leaving it out means that there is no value.
struct Key<Value: Sendable>: SchemaKey {
  let name: String
  let kind: Kind<Value>
  let isRequired: Bool
  let example: String
  let documentation: String

  static func required(_ name: String, _ kind: Kind<Value>, example: String, _ documentation: String) -> Key {
    Key(name: name, kind: kind, isRequired: true, example: example, documentation: documentation)
  }

  static func optional(_ name: String, _ kind: Kind<Value>, example: String, _ documentation: String) -> Key {
    Key(name: name, kind: kind, isRequired: false, example: example, documentation: documentation)
  }

  var hasDefault: Bool { false }
  var expectation: String { kind.expectation }
}

/// A key with a default.
struct Setting<Value: Sendable>: SchemaKey {
  let name: String
  let kind: Kind<Value>
  let defaultValue: Value
  /// The default as TOML; a test reads it by ``kind`` and finds ``defaultValue``.
  let example: String
  let documentation: String

  init(_ name: String, _ kind: Kind<Value>, _ defaultValue: Value, written: String, _ documentation: String) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    example = written
    self.documentation = documentation
  }

  var isRequired: Bool { false }
  var hasDefault: Bool { true }
  var expectation: String { kind.expectation }
}

extension Setting where Value == Int {
  init(_ name: String, size range: ClosedRange<Int>, _ defaultValue: Int, _ documentation: String) {
    self.init(
      name, .size(range), defaultValue, written: "\"\(Quantity.size(defaultValue))\"", documentation)
  }

  init(_ name: String, number range: ClosedRange<Int>, _ defaultValue: Int, _ documentation: String) {
    self.init(name, .integer(range), defaultValue, written: "\(defaultValue)", documentation)
  }
}

extension Setting where Value == Duration {
  init(_ name: String, time range: ClosedRange<Duration>, _ defaultValue: Duration, _ documentation: String) {
    self.init(
      name, .duration(range), defaultValue, written: "\"\(Quantity.duration(defaultValue))\"", documentation)
  }
}

extension Setting where Value == Bool {
  init(_ name: String, _ defaultValue: Bool, _ documentation: String) {
    self.init(name, .boolean, defaultValue, written: defaultValue ? "true" : "false", documentation)
  }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  init(_ name: String, _ defaultValue: Value, _ documentation: String) {
    self.init(name, .choice, defaultValue, written: "\"\(defaultValue.rawValue)\"", documentation)
  }
}

/// A table of the file: its keys, and the tables in it.
struct TableSchema: Sendable {
  enum Presence: Sendable {
    /// `[name]`, at most once.
    case once
    /// `[[name]]`, any number of times; none in the example.
    case repeated
    /// `[[name]]`, any number of times; the smallest file that is of use has one.
    case inSmallest
  }

  let name: String
  let presence: Presence
  let documentation: String
  let keys: [any SchemaKey]
  let tables: [TableSchema]

  init(
    _ name: String, presence: Presence = .once, _ documentation: String, keys: [any SchemaKey],
    tables: [TableSchema] = []
  ) {
    self.name = name
    self.presence = presence
    self.documentation = documentation
    self.keys = keys
    self.tables = tables
  }

  var isRepeated: Bool { presence != .once }
  var names: [String] { keys.map(\.name) + tables.map(\.name) }
}

/// A value with the line that it stands in.
struct Located<Value: Sendable>: Sendable {
  let value: Value
  let line: Int
}

extension Kind {
  var located: Kind<Located<Value>> {
    Kind<Located<Value>>(expectation, complaint: complaint, parts: parts) { node in
      read(node).map { Located(value: $0, line: node.line) }
    }
  }
}
