import FoundationEssentials

/// What the command line asks the running appliance over its control socket, and what comes back.
///
/// One JSON object a line, in both directions: one request, then any number of rows, then the end. Listings stream, so
/// that neither side holds a queue of 100,000 rows.
///
///     → {"command":"queue list","arguments":{"destination":"example.net"}}
///     ← {"row":{"text":"…","json":"{…}"}}
///     ← {"end":{"status":0,"message":""}}
public struct ControlRequest: Codable, Sendable, Equatable {
  /// The words of the command, without `postroom`: `queue list`.
  public var command: String
  /// Options and operands by name. What a name means is the command's business.
  public var arguments: [String: String]

  public init(_ command: String, _ arguments: [String: String] = [:]) {
    self.command = command
    self.arguments = arguments
  }
}

/// One thing that a command has found, for a person and for a program.
public struct ControlRow: Codable, Sendable, Equatable {
  /// Lines for a terminal. Bytes of strangers in it have been made harmless.
  public var text: String
  /// One JSON value.
  public var json: String

  public init(text: String, json: String) {
    self.text = text
    self.json = json
  }

  /// A row whose JSON is that of a value.
  public init(text: String, _ value: some Encodable) throws {
    self.init(text: text, json: try ControlCoding.text(value))
  }
}

/// How a command ended.
public struct ControlEnd: Codable, Sendable, Equatable {
  /// 0 done, 1 the answer is no, 2 wrong use: the exit status of the command line.
  public var status: Int32
  /// What to tell the person on standard error; empty when there is nothing to tell.
  public var message: String

  public init(status: Int32, message: String = "") {
    self.status = status
    self.message = message
  }
}

/// One line of an answer.
public enum ControlAnswer: Codable, Sendable, Equatable {
  case row(ControlRow)
  case end(ControlEnd)

  private enum Key: String, CodingKey { case row, end }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    if let row = try container.decodeIfPresent(ControlRow.self, forKey: .row) {
      self = .row(row)
    } else {
      self = .end(try container.decode(ControlEnd.self, forKey: .end))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .row(let row): try container.encode(row, forKey: .row)
    case .end(let end): try container.encode(end, forKey: .end)
    }
  }
}

/// JSON as the control socket writes it: keys in order, one line.
public enum ControlCoding {
  /// The longest request that the server reads.
  static let longestRequest = 32 << 10

  public static func text(_ value: some Encodable) throws -> String {
    String(decoding: try line(value), as: UTF8.self)
  }

  static func line(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }

  /// A row's JSON as a value again.
  public static func value<T: Decodable>(_ type: T.Type, of row: ControlRow) throws -> T {
    try decode(type, Array(row.json.utf8))
  }

  static func decode<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) throws -> T {
    try JSONDecoder().decode(type, from: Data(bytes))
  }
}

/// A command that cannot be done as asked, in words for the person who asked.
public struct CommandFailure: Error, Sendable, CustomStringConvertible {
  /// 1 the answer is no, 2 wrong use.
  public let status: Int32
  public let description: String

  public init(status: Int32 = 1, _ description: String) {
    self.status = status
    self.description = description
  }
}
