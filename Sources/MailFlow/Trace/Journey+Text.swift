internal import Platform

extension Journey {
  /// The journey as text for a terminal, lines ending in `\n`.
  public var text: String {
    var text = "Message \(envelope)"
    if let subject { text += ": \(subject)" }
    text += "\n  from <\(sender)>, \(size) bytes, \(origin), arrived \(arrived)\n"
    if let messageID { text += "  Message-ID \(messageID)\n" }
    if !hops.isEmpty {
      text += "\nBefore it came here, by its own Received fields:\n"
      for hop in hops { text += hop.line }
    }
    text += "\nHere:\n"
    for step in steps { text += step.line }
    text += "\nRecipients:\n"
    for outcome in outcomes { text += outcome.line }
    return text
  }
}

extension Journey.Hop {
  fileprivate var line: String {
    var text = "  \(at.map { "\($0)" } ?? "(no date)".padded(to: 20))  "
    text += [from.map { "from \($0)" }, by.map { "by \($0)" }, with.map { "with \($0)" }]
      .compactMap { $0 }.joined(separator: " ")
    return text + "\n"
  }
}

extension Journey.Step {
  fileprivate var line: String {
    var text = "\(isPointOfNoReturn ? "▶" : " ") \(at)  \(stage.padded(to: 14)) \(what)"
    if let recipient { text += " <\(recipient)>" }
    if !words.isEmpty { text += ": \(words)" }
    text += "\n"
    if isPointOfNoReturn {
      text +=
        stage == Stage.reception
        ? "    ── from here on the message was ours to deliver ──\n"
        : "    ── from here on the next server may have it ──\n"
    }
    return text
  }
}

extension Journey.Outcome {
  fileprivate var line: String {
    var text = "  <\(recipient)> \(state)"
    if attempts > 0 { text += ", \(attempts) attempts" }
    if let due, !isFinal { text += ", due \(due)" }
    if let said, !isFinal { text += ": \(said)" }
    return text + "\n"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }
}
