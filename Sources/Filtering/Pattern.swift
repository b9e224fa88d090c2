/// A text pattern as an administrator writes it in a rule: `*` stands for any run of characters, also none,
/// `?` for exactly one, everything else for itself.
///
/// Upper and lower case are the same, and so are the two ways of writing an accented letter (composed, or
/// letter and accent): characters are compared as Unicode compares them, after lower-casing. There is no
/// escape, because no address, file name or media type that a rule would look for needs one.
///
/// Matching takes at most (length of pattern) × (length of text) steps; it never recurses.
public struct Pattern: Hashable, Sendable, CustomStringConvertible {
  private enum Piece: Hashable, Sendable {
    case one(Character)
    case any
    case run
  }

  /// As it was written.
  public let description: String
  private let pieces: [Piece]

  public init(_ text: String) {
    description = text
    var pieces: [Piece] = []
    for character in text.lowercased() {
      switch character {
      case "*": if pieces.last != .run { pieces.append(.run) }
      case "?": pieces.append(.any)
      default: pieces.append(.one(character))
      }
    }
    self.pieces = pieces
  }

  /// Whether the pattern describes the whole text: `*.exe` matches `Invoice.EXE` and not `a.exe.txt`.
  public func matchesWhole(_ text: Subject) -> Bool { match(pieces, text.characters) }

  /// Whether some part of the text matches: `lottery` is found in `You won the LOTTERY!`.
  public func matchesWithin(_ text: Subject) -> Bool {
    var open = pieces
    if open.first != .run { open.insert(.run, at: 0) }
    if open.last != .run { open.append(.run) }
    return match(open, text.characters)
  }

  /// A text made ready once, to be tried against many patterns.
  public struct Subject: Sendable {
    fileprivate let characters: [Character]
    public init(_ text: String) { characters = Array(text.lowercased()) }
  }

  /// Greedy matching with one place to go back to, the last `*`: an earlier one never needs to grow again.
  private func match(_ pieces: [Piece], _ text: [Character]) -> Bool {
    var at = 0
    var piece = 0
    var retry: (piece: Int, at: Int)?
    while at < text.count {
      if piece < pieces.count {
        switch pieces[piece] {
        case .run:
          retry = (piece + 1, at)
          piece += 1
          continue
        case .any:
          (piece, at) = (piece + 1, at + 1)
          continue
        case .one(let character) where character == text[at]:
          (piece, at) = (piece + 1, at + 1)
          continue
        case .one: break
        }
      }
      guard let (afterRun, from) = retry else { return false }
      retry = (afterRun, from + 1)
      (piece, at) = (afterRun, from + 1)
    }
    return pieces[piece...].allSatisfy { $0 == .run }
  }
}
