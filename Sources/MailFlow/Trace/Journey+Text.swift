internal import Platform

extension Journey {
  /// The journey as text for a terminal, lines ending in `\n`.
  public var text: String {
    var text = "Message \(envelope)"
    if let subject { text += ": \(subject)" }
    text += "\n  from <\(sender)>, \(way), \(size) bytes, arrived \(arrived)\n"
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

  /// How it came, for people who do not know an MX from a submission.
  private var way: String {
    let account = account ?? "nobody"
    return switch origin {
    case Origin.mx.name: "from another mail server"
    case Origin.submission.name: "sent by \(account)"
    case Origin.device.name: "sent by a device of \(account)"
    case Origin.notification.name: "written by the appliance"
    case Origin.local.name: "from a program of this machine"
    case Origin.append.name: "put there by \(account)"
    default: origin
    }
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
      text += "    ── from here on the \(whose) ──\n"
    }
    return text
  }

  private var whose: String {
    if stage == Stage.reception { return "message was ours to deliver" }
    return what == "relayed" ? "next server has it, and is to deliver it" : "next server may have it"
  }
}

extension Journey.Outcome {
  fileprivate var line: String {
    var text = "  <\(recipient)> \(state)"
    if attempts > 0 { text += ", tried \(attempts == 1 ? "once" : "\(attempts) times")" }
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
