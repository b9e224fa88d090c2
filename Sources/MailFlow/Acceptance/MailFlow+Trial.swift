internal import Configuration
internal import Message

extension MailFlow {
  /// The verdicts that a message would get now if it came so, one for each recipient. Nothing is stored, nobody is answered.
  /// The content is used up.
  public func trial(_ envelope: Envelope, _ content: ReceivedContent) async -> [Verdict] {
    defer { content.body.drop() }
    let configuration = configuration()
    var candidate = Candidate(
      envelope: envelope, content: content,
      header: content.work.during(.scan) { Self.deliverable(nil, content, configuration) },
      configuration: configuration, deadline: .now + configuration.limits.replyDeadline, isTrial: true)
    await examine(&candidate)
    return candidate.verdicts
  }
}
