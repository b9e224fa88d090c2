import Store

extension Command {
  /// Backup and the proof that all is accounted for.
  static let upkeep: [Command] = [
    Command("backup") { arguments, office, emit in
      let file = try arguments.required("file")
      let bytes = try await office.store.backup(to: file)
      struct Line: Encodable {
        let file: String
        let bytes: Int
      }
      try await emit(ControlRow(text: "\(file): \(bytes) bytes", Line(file: file, bytes: bytes)))
    },
    Command("fsck") { _, office, emit in
      let report = try await office.store.check()
      for problem in report.problems {
        try await emit(ControlRow(text: problem, ["problem": problem]))
      }
      guard report.isSound else {
        throw CommandFailure(
          "the database has \(report.problems.count == 1 ? "a problem" : "\(report.problems.count) problems"): stop the appliance, keep a copy, and restore a backup"
        )
      }
      let waiting = report.recipients.filter { $0.key.isWaiting }.values.reduce(0, +)
      let all = report.recipients.values.reduce(0, +)
      struct Line: Encodable {
        let mailboxes: Int
        let messages: Int
        let envelopes: Int
        let recipients: [String: Int]
      }
      let states = Dictionary(uniqueKeysWithValues: report.recipients.map { ($0.key.description, $0.value) })
      try await emit(
        ControlRow(
          text: """
            Sound: \(report.messages) messages in \(report.mailboxes) mailboxes; \
            \(report.envelopes) envelopes with \(all) recipients, each accounted for; \(waiting) wait.
            """,
          Line(
            mailboxes: report.mailboxes, messages: report.messages, envelopes: report.envelopes, recipients: states)))
    },
  ]
}
