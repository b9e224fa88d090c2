import MailFlow
import Platform
import Store

extension Command {
  /// Where is my message?
  static let traces: [Command] = [
    Command("trace") { arguments, office, emit in
      let query = try traceQuery(arguments, office.flow.now)
      if let id = arguments["what"].flatMap({ EnvelopeID($0) }) {
        guard let journey = try await office.flow.journey(of: id) else {
          throw CommandFailure("nothing is known of \(id): it never was, or its trace has ended (trace.keep)")
        }
        try await emit(ControlRow(text: journey.text, journey))
        return
      }
      let journeys = try await office.flow.journeys(matching: query)
      for journey in journeys { try await emit(ControlRow(text: journey.text, journey)) }
      let refusals = try await office.flow.refusals(matching: query)
      for refusal in refusals { try await emit(ControlRow(text: refusal.text, ["refused": refusal])) }
      if journeys.isEmpty && refusals.isEmpty {
        throw CommandFailure("nothing that fits has come or gone: widen the search, or see whether it was sent at all")
      }
    }
  ]

  private static func traceQuery(_ arguments: Arguments, _ now: Moment) throws -> TraceQuery {
    var query = TraceQuery(limit: try arguments.number("limit", or: 20))
    query.messageID = arguments["message-id"]
    query.address = arguments["address"]
    query.subject = arguments["subject"].map { $0.split(separator: " ").map(String.init) } ?? []
    query.from = try arguments["since"].map { try moment($0, now: now) }
    query.until = try arguments["until"].map { try moment($0, now: now) }
    if let what = arguments["what"], EnvelopeID(what) == nil {
      if what.hasPrefix("<") { query.messageID = what } else { query.address = what }
    }
    return query
  }

  /// RFC 3339 in UTC, a date, or how long ago.
  static func moment(_ text: String, now: Moment) throws -> Moment {
    if let moment = ago(text, now) ?? civil(text) { return moment }
    throw CommandFailure(
      status: 2, "\(text) is no time: write 2026-11-22T09:00:00Z, 2026-11-22, or how long ago (3h, 2d)")
  }

  private static func ago(_ text: String, _ now: Moment) -> Moment? {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), (0...100_000).contains(count)
    else { return nil }
    return now - .seconds(count * unit)
  }

  private static func civil(_ text: String) -> Moment? {
    let separators: Set<Character> = ["-", "T", ":", "Z", " "]
    // A fraction of a second is left out: `since` then begins a little earlier.
    let parts = text.prefix { $0 != "." }.split(whereSeparator: { separators.contains($0) }).map { Int($0) }
    let numbers = parts.compactMap { $0 }
    guard numbers.count == parts.count, (3...6).contains(numbers.count), (1970...9999).contains(numbers[0]),
      (1...12).contains(numbers[1]), (1...31).contains(numbers[2])
    else { return nil }
    let time = numbers[3...] + Array(repeating: 0, count: 6 - numbers.count)
    guard (0...23).contains(time[3]), (0...59).contains(time[4]), (0...60).contains(time[5]) else { return nil }
    return Moment(
      seconds: CivilTime.seconds(
        year: numbers[0], month: numbers[1], day: numbers[2], hour: time[3], minute: time[4], second: time[5]))
  }
}

extension RefusalListing {
  /// A refusal as a person reads it.
  fileprivate var text: String {
    var who = "from \(peer)"
    if let helo { who += " (\(helo))" }
    var lines = ["\(at)  refused at \(stage)\(count > 1 ? ", \(count) times" : ""), \(who)"]
    if let sender { lines.append("  sender    \(sender.isEmpty ? "<>" : sender)") }
    if let recipient { lines.append("  recipient \(recipient)") }
    if let subject { lines.append("  subject   \(subject)") }
    lines.append("  \(words)")
    return lines.joined(separator: "\n")
  }
}
