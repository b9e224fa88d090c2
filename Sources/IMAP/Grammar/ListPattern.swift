/// A LIST pattern: `*` matches any characters, `%` any but the hierarchy delimiter (RFC 9051 §6.3.9).
///
/// Matching takes time proportional to pattern times name, whatever the wildcards.
struct ListPattern: Equatable, Sendable {
  private let elements: [Unicode.Scalar]

  /// The canonical pattern: the reference followed by the pattern.
  init(reference: String, pattern: String) {
    var elements: [Unicode.Scalar] = []
    for scalar in MailboxName.canonical(reference + pattern).unicodeScalars {
      // Runs of wildcards are one: `**`, `*%` and `%*` mean `*`, `%%` means `%`.
      if let last = elements.last, Self.isWildcard(last), Self.isWildcard(scalar) {
        elements[elements.count - 1] = last == "*" || scalar == "*" ? "*" : "%"
      } else {
        elements.append(scalar)
      }
    }
    self.elements = elements
  }

  private static func isWildcard(_ scalar: Unicode.Scalar) -> Bool { scalar == "*" || scalar == "%" }

  /// Whether the pattern ends in `%`: then levels of hierarchy that match are listed even if they are no mailboxes.
  var endsInPercent: Bool { elements.last == "%" }

  /// Whether the pattern has no wildcard.
  var isPlain: Bool { !elements.contains(where: Self.isWildcard) }

  func matches(_ name: MailboxName) -> Bool {
    // reached[i]: the first i elements match what has been read of the name.
    var reached = [Bool](repeating: false, count: elements.count + 1)
    reached[0] = true
    closeOverEmptyWildcards(&reached)
    for character in name.text.unicodeScalars {
      var next = [Bool](repeating: false, count: elements.count + 1)
      for (index, element) in elements.enumerated() where reached[index] || reached[index + 1] {
        switch element {
        case "*": next[index + 1] = next[index + 1] || reached[index + 1]
        case "%": next[index + 1] = next[index + 1] || (reached[index + 1] && character != "/")
        default: next[index + 1] = next[index + 1] || (reached[index] && element == character)
        }
      }
      reached = next
      closeOverEmptyWildcards(&reached)
      if !reached.contains(true) { return false }
    }
    return reached[elements.count]
  }

  /// A wildcard also matches nothing.
  private func closeOverEmptyWildcards(_ reached: inout [Bool]) {
    for (index, element) in elements.enumerated() where Self.isWildcard(element) && reached[index] {
      reached[index + 1] = true
    }
  }
}
