internal import Configuration
internal import MailFlow
internal import Message

/// Attachments that may do harm.
struct AttachmentCheck: ContentCheck {
  let test = "attachments"

  func applies(to message: JudgedMessage) -> Bool { AttachmentInspector.applies(to: message.content.structure) }

  func examine(_ message: JudgedMessage) async -> CheckFindings {
    do {
      let report = try await AttachmentInspector.inspect(message.content)
      return CheckFindings(common: Self.opinion(report, message))
    } catch {
      return .unknown(test, "the content could not be read: \(error)")
    }
  }

  static func opinion(_ report: AttachmentReport, _ message: JudgedMessage) -> Opinion {
    var opinion = Opinion()
    for finding in report.findings {
      opinion.factors.append(
        Factor(
          test: "attachments", score: score(finding.danger),
          reason: "\(finding.danger.rawValue): \"\(finding.file)\": \(finding.reason)"))
    }
    // What our own people send is theirs; a virus is not, and that is another check.
    guard message.envelope.origin.isFromOutside else {
      opinion.factors = opinion.factors.map { Factor(test: $0.test, reason: $0.reason) }
      return opinion
    }
    for danger in AttachmentReport.Danger.allCases {
      guard let finding = report.first(danger) else { continue }
      if let demand = demand(treatment(danger, message.configuration.attachments), finding) {
        opinion.demands.append(demand)
      }
    }
    return opinion
  }

  private static func treatment(
    _ danger: AttachmentReport.Danger, _ wanted: Configuration.Attachments
  ) -> Configuration.Attachments.Treatment {
    switch danger {
    case .executable: wanted.executables
    case .macros: wanted.macros
    case .encrypted: wanted.encrypted
    case .unreadable: wanted.unreadable
    }
  }

  private static func demand(
    _ treatment: Configuration.Attachments.Treatment, _ finding: AttachmentReport.Finding
  ) -> Demand? {
    switch treatment {
    case .accept: nil
    case .tag: .tag(Tag.Field("X-Postroom-Attachment", finding.danger.rawValue))
    case .junk: .junk
    case .quarantine: .quarantine(reason: "attachment \"\(finding.file)\": \(finding.reason)")
    case .reject: .reject(Answer(550, "5.7.1", "An attachment of this kind is not accepted here"))
    }
  }

  private static func score(_ danger: AttachmentReport.Danger) -> Double {
    switch danger {
    case .executable: 3
    case .macros: 1
    case .encrypted: 1
    case .unreadable: 0.5
    }
  }
}
