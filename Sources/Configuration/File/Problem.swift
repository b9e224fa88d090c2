/// Something that the file says wrong, where it says so, and what it should say.
public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Severity: Sendable, Hashable {
    /// The file cannot be used.
    case error
    /// It can be used, and does something that its writer may not expect.
    case warning
  }

  public let severity: Severity
  /// Counted from 1; 0 where something is missing altogether.
  public let line: Int
  public let whatIsWrong: String
  public let whatToWrite: String

  public init(_ severity: Severity = .error, line: Int, _ whatIsWrong: String, _ whatToWrite: String) {
    self.severity = severity
    self.line = line
    self.whatIsWrong = Self.inOneLine(whatIsWrong)
    self.whatToWrite = Self.inOneLine(whatToWrite)
  }

  /// A problem quotes what the file says; it is shown on terminals and in logs, where a control character could act.
  private static func inOneLine(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
    return String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  }

  /// `line 7: what is wrong: what to write instead`.
  public var description: String {
    let place = line > 0 ? "line \(line): " : ""
    return place + (severity == .warning ? "warning: " : "") + "\(whatIsWrong): \(whatToWrite)"
  }
}

/// A text that gives no configuration, with all of its problems.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public let path: String
  public let problems: [Problem]

  /// A line for each error: `appliance.conf: line 7: …`. Warnings are no reason to refuse the text: `postroom check` has them.
  public var description: String {
    problems.filter { $0.severity == .error }.map { "\(path): \($0)" }.joined(separator: "\n")
  }
}
