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

  private static func line(_ report: Report) -> String {
    var text = "\n  <\(displayable(report.recipient.description, limit: 500))>\n"
    if let words = report.words, !words.isEmpty {
      let who = report.remote.map { "\(displayable($0, limit: 255)) said: " } ?? ""
      text += "    \(who)\(displayable(words, limit: 1000))\n"
    }
    if let until = report.retryUntil { text += "    It is tried until \(HeaderDate(until).text).\n" }
    return text
  }
}
