import Store

extension Command {
  /// The appliance as a whole.
  static let state: [Command] = [
    Command("status") { _, office, emit in
      let screen = try await StatusScreen(office)
      try await emit(ControlRow(text: screen.text, screen))
    },
    Command("reload", needsRunning: true) { _, office, emit in
      let warnings = try await office.running?.reload() ?? []
      for warning in warnings { try await emit(ControlRow(text: warning, ["warning": warning])) }
      try await emit(ControlRow(text: "The new configuration is in force.", ["reloaded": true]))
    },
  ]
}

/// The appliance on one screen.
private struct StatusScreen: Encodable {
  let hostname: String
  let running: RunningReport?
  let queued: Int
  let held: Int
  let quarantined: Int
  let messages: Int
  let mailboxes: Int
  let databaseBytes: Int
  let logBytes: Int
  let freeBytes: Int
  let belowReserve: Bool
  /// Bytes of messages that are coming in, and how many there may be: of all, and of one address.
  let stagedBytes: Int
  let stagedBytesOfOne: Int
  let stagingLimit: Int
  let stagingLimitOfOne: Int
  let accounts: Int
  let nextAttempt: String?
  /// Where mail waits that has been tried, the worst first; at most ten.
  let destinations: [DestinationInTrouble]

  init(_ office: Office) async throws {
    let statistics = try await office.store.statistics()
    hostname = office.configuration.hostname
    running = await office.running?.report()
    queued = statistics.waiting[.queued] ?? 0
    held = statistics.waiting[.held] ?? 0
    quarantined = statistics.waiting[.quarantined] ?? 0
    messages = statistics.messages
    mailboxes = statistics.mailboxes
    databaseBytes = statistics.databaseBytes
    logBytes = statistics.logBytes
    freeBytes = office.store.spaceLeft
    belowReserve = office.store.isBelowReserve
    (stagedBytes, stagedBytesOfOne) = office.flow.stagedBytes
    stagingLimit = office.configuration.limits.staging
    stagingLimitOfOne = office.configuration.limits.stagingPerAddress
    accounts = office.configuration.accounts.count
    destinations = try await office.store.read { try $0.destinationsInTrouble(limit: 10) }
    nextAttempt = try await office.store.read { try $0.nextDue() }?.description
  }

  var text: String {
    var lines: [String] = []
    if let running {
      lines.append(
        "\(hostname): postroom \(running.version) runs since \(running.startedAt) (process \(running.processID))")
      for service in running.services {
        let places = service.addresses.isEmpty ? "not listening" : service.addresses.joined(separator: ", ")
        lines.append("  \(padded(service.name, 12)) \(places), \(service.connections) connections")
      }
    } else {
      lines.append("\(hostname): no appliance runs here")
    }
    lines.append("Mail       \(messages) messages in \(mailboxes) mailboxes of \(accounts) accounts")
    let next = nextAttempt.map { ", next attempt \($0)" } ?? ""
    lines.append("Waiting    \(queued) queued, \(held) held, \(quarantined) in quarantine\(next)")
    let space = belowReserve ? ", below the reserve: new mail is put off" : ""
    lines.append(
      "Disk       database \(readableSize(databaseBytes)), log \(readableSize(logBytes)), \(readableSize(freeBytes)) free\(space)"
    )
    if running != nil {
      lines.append(
        "Incoming   \(readableSize(stagedBytes)) of \(readableSize(stagingLimit)), from one address at most \(readableSize(stagedBytesOfOne)) of \(readableSize(stagingLimitOfOne))"
      )
    }
    for destination in destinations.prefix(5) {
      let next = destination.nextAttempt.map { ", next attempt \($0)" } ?? ""
      lines.append(
        "Delayed    \(destination.name): \(destination.waiting) since \(destination.oldest)\(next)"
          + (destination.said.map { "\n           \($0.prefix(200))" } ?? ""))
    }
    if destinations.count > 5 { lines.append("           and others: `postroom queue list` shows them") }
    for trouble in running?.troubles ?? [] { lines.append("Trouble    \(trouble)") }
    return lines.joined(separator: "\n")
  }
}

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
