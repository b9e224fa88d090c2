internal import Message
internal import Platform

/// The words of notifications, for people: what happened, to whom, and whether something must be done.
enum NotificationText {
  static func subject(_ reports: [Report]) -> String {
    switch action(reports) {
    case .failed: "Your message could not be delivered"
    case .delayed: "Your message is delayed"
    case .delivered: "Your message was delivered"
    case .relayed: "Your message was passed on"
    case .expanded: "Your message was delivered to a group"
    }
  }

  /// The action that gives the notification its name: the worst.
  static func action(_ reports: [Report]) -> DeliveryReport.Action {
    let order: [DeliveryReport.Action] = [.failed, .delayed, .expanded, .relayed, .delivered]
    return order.first { action in reports.contains { $0.action == action } } ?? .failed
  }

  /// - Parameter subject: of the message, displayable already.
  static func body(_ reports: [Report], subject: String?, hostname: String) -> String {
    var text = "This is \(hostname), the mail server that took your message."
    if let subject, !subject.isEmpty { text += "\nIts subject was: \(subject.prefix(200))" }
    text += "\n"
    let order: [DeliveryReport.Action] = [.failed, .delayed, .expanded, .relayed, .delivered]
    for action in order {
      let some = reports.filter { $0.action == action }
      if !some.isEmpty { text += "\n" + introduction(action) + "\n" + some.map(line).joined() }
    }
    return text
  }

  private static func introduction(_ action: DeliveryReport.Action) -> String {
    switch action {
    case .failed: "It could not be delivered to these recipients, and will not be tried again:"
    case .delayed: "It has not been delivered to these recipients yet. You need to do nothing; it is tried again:"
    case .delivered: "It was delivered to the mailboxes of:"
    case .relayed: "It was passed on to servers that will not report its delivery, for:"
    case .expanded: "It was delivered to the members of:"
    }
  }

  /// What the sender can do, by the enhanced status code (RFC 3463 §3).
  static func advice(_ status: String) -> String {
    let parts = status.split(separator: ".").compactMap { Int($0) }
    guard parts.count == 3 else { return "ask your administrator, who can see what happened." }
    switch (parts[1], parts[2]) {
    case (1, _): return "check the address for a slip, and ask the person for it in another way."
    case (2, 2): return "their mailbox is full: tell them in another way, or send it again in a few days."
    case (2, 3), (3, 4): return "it is too large for them: send it in parts, or put it where they can fetch it."
    case (2, _): return "their mailbox takes no mail at present: tell them in another way."
    case (4, 7), (4, 1), (4, 2): return "their server could not be reached in all that time: tell them in another way."
    case (4, _), (3, _): return "the way to their server is in disorder: ask your administrator."
    case (6, _): return "their server cannot take a message of this form: send it as plain text, or as an attachment."
    case (7, _): return "their server does not want it: ask them to allow your address, or ask your administrator."
    default: return "tell them in another way, or ask your administrator."
    }
  }

  private static func line(_ report: Report) -> String {
    var text = "\n  <\(displayable(report.recipient.description, limit: 500))>\n"
    if let words = report.words, !words.isEmpty {
      let who = report.remote.map { "\(displayable($0, limit: 255)) said: " } ?? ""
      text += "    \(who)\(displayable(words, limit: 1000))\n"
    }
    if report.action == .failed { text += "    What to do: \(advice(report.status))\n" }
    if let until = report.retryUntil { text += "    It is tried until \(HeaderDate(until).text).\n" }
    return text
  }
}
