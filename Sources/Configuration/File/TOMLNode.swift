import CTOML

/// A value of a TOML document, with its place.
struct TOMLNode {
  enum Value {
    /// In the order of the text.
    case table([Entry])
    case array([TOMLNode])
    case string(String)
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    case time(String)
  }

  struct Entry {
    let key: String
    /// The line of the key.
    let line: Int
    let node: TOMLNode
  }

  let value: Value
  let line: Int

  /// What it is, for a sentence: `a text`, `a number`.
  var kind: String {
    switch value {
    case .table: "a table"
    case .array: "a list"
    case .string: "a text"
    case .integer, .float: "a number"
    case .boolean: "true or false"
    case .time: "a date or time"
    }
  }

  /// The value as it could be written, short enough for a message.
  var written: String {
    switch value {
    case .string(let text): "\"\(text.count > 60 ? text.prefix(60) + "…" : text[...])\""
    case .integer(let number): "\(number)"
    case .float(let number): "\(number)"
    case .boolean(let truth): truth ? "true" : "false"
    case .time(let text): text
    case .table, .array: kind
    }
  }
}

/// Reads TOML 1.0 through toml++.
enum TOMLReader {
  /// The document's table, or its first syntax error.
  static func read(_ bytes: [UInt8]) -> Result<TOMLNode, Problem> {
    let document = bytes.withUnsafeBytes { raw in
      ctoml_read(raw.bindMemory(to: CChar.self).baseAddress, raw.count)
    }
    guard let document else {
      return .failure(Problem(line: 0, "the file could not be read", "free some memory and try again"))
    }
    defer { ctoml_free(document) }
    var (line, column): (UInt32, UInt32) = (0, 0)
    if let error = ctoml_error(document, &line, &column) {
      return .failure(
        Problem(
          line: Int(line), "this is not TOML (column \(column)): \(String(cString: error))",
          "write `key = value`, texts in quotes, tables as `[name]` or `[[name]]`"))
    }
    var index = 0
    guard let root = node(document, &index)?.node else {
      return .failure(Problem(line: 0, "the file could not be read", "free some memory and try again"))
    }
    return .success(root)
  }

  /// The entry at `index` with all below it; moves `index` behind them.
  private static func node(_ document: OpaquePointer, _ index: inout Int) -> TOMLNode.Entry? {
    var entry = ctoml_entry()
    guard ctoml_get(document, index, &entry) == 1 else { return nil }
    index += 1
    let value: TOMLNode.Value
    switch ctoml_kind(UInt32(entry.kind)) {
    case ctoml_string: value = .string(string(entry.text, entry.text_length))
    case ctoml_integer: value = .integer(entry.integer)
    case ctoml_float: value = .float(entry.real)
    case ctoml_boolean: value = .boolean(entry.integer != 0)
    case ctoml_time: value = .time(string(entry.text, entry.text_length))
    case ctoml_array:
      value = .array((0..<entry.children).compactMap { _ in node(document, &index)?.node })
    default:
      let entries = (0..<entry.children).compactMap { _ in node(document, &index) }
      value = .table(entries.sorted { ($0.line, $0.key) < ($1.line, $1.key) })
    }
    return TOMLNode.Entry(
      key: string(entry.key, entry.key_length), line: Int(entry.key_line),
      node: TOMLNode(value: value, line: Int(entry.line)))
  }

  private static func string(_ pointer: UnsafePointer<CChar>?, _ length: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: pointer, count: pointer == nil ? 0 : length), as: UTF8.self)
  }
}
