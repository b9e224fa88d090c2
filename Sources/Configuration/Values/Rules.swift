extension Configuration {
  /// One of the administrator's own filters: when all its conditions hold for a message and one of its recipients, the
  /// action is done for that recipient. A condition with several values holds when one of them does.
  public struct Rule: Sendable, Hashable {
    public enum Direction: String, Sendable, Hashable, CaseIterable {
      /// From outside to one of ours.
      case incoming
      /// From one of ours to someone outside.
      case outgoing
      /// From one of ours to one of ours.
      case `internal`
    }

    public enum Action: String, Sendable, Hashable, CaseIterable {
      /// The message is refused with the rule's text.
      case reject
      /// It waits for the administrator; nobody is told.
      case quarantine
      /// The rule's text is put before the subject.
      case tag
      /// It is accepted and dropped.
      case discard
    }

    /// A header field that has one of the words.
    public struct HeaderCondition: Sendable, Hashable {
      public let field: String
      /// Words or phrases, looked for in the decoded field without regard to case.
      public let words: [String]
    }

    public let name: String
    /// Empty: any.
    public let directions: [Direction]
    /// Patterns over the envelope sender and the From field's addresses. Empty: any.
    public let senders: [Pattern]
    /// Patterns over the recipient. Empty: any.
    public let recipients: [Pattern]
    /// All of them must hold.
    public let headers: [HeaderCondition]
    /// Bytes; the message is larger than that.
    public let largerThan: Int?
    /// Patterns over the file names of attachments.
    public let attachmentNames: [Pattern]
    /// Patterns over the content types of parts (`application/zip`, `video/*`).
    public let attachmentTypes: [Pattern]
    public let action: Action
    /// The reply of `reject`, the tag of `tag`; empty for the others unless the file says something.
    public let text: String
  }

  /// A text in which `*` stands for any characters, none included. Case does not matter.
  public struct Pattern: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private let pieces: [[UInt8]]

    public init(_ text: String) {
      description = text
      pieces = text.lowercased().utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(
        Array.init)
    }

    /// Whether the whole text fits. Takes time in proportion to the text's length times the pattern's, at worst.
    public func matches(_ text: String) -> Bool {
      var rest = Array(text.lowercased().utf8)[...]
      guard let first = pieces.first, let last = pieces.last else { return rest.isEmpty }
      if pieces.count == 1 { return rest.elementsEqual(first) }
      guard rest.starts(with: first) else { return false }
      rest = rest.dropFirst(first.count)
      guard rest.count >= last.count, rest.suffix(last.count).elementsEqual(last) else { return false }
      rest = rest.dropLast(last.count)
      // The earliest place for each inner piece leaves the most room for those after it.
      for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
        guard let end = Self.firstEnd(of: piece, in: rest) else { return false }
        rest = rest[end...]
      }
      return true
    }

    private static func firstEnd(of piece: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
      guard text.count >= piece.count else { return nil }
      for start in text.startIndex...(text.endIndex - piece.count)
      where text[start] == piece[0] && text[start..<start + piece.count].elementsEqual(piece) {
        return start + piece.count
      }
      return nil
    }
  }
}
