import MailFlow
import Platform

extension Command {
  /// What TLS with other domains came to (RFC 8460).
  static let transportReports: [Command] = [
    Command("tlsrpt show") { arguments, office, emit in
      let now = office.flow.now
      let from = try arguments["since"].map { try moment($0, now: now) } ?? now - .seconds(7 * 86_400)
      let until = try arguments["until"].map { try moment($0, now: now) } ?? now
      // What was counted a moment ago is written with the next commit: this one. Where nothing can be written, what is there
      // is shown.
      try? await office.store.write { _ in }
      let reports = try await office.flow.tlsReports(from: from, until: until, domain: arguments["domain"])
      guard !reports.isEmpty else {
        throw CommandFailure("no session with another domain's servers is on record for that time: widen the search")
      }
      for report in reports { try await emit(ControlRow(text: report.text, report)) }
    }
  ]
}
