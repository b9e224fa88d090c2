internal import Message
internal import Store

extension NewContent {
  /// A content with everything that is computed once: what IMAP sends all the time, ready-made.
  ///
  /// The texts are those for clients without UTF8=ACCEPT. They differ for others only where the facts say
  /// ``ContentFacts/eightBitHeaders``; those are made from header and structure when asked for.
  init(header: HeaderSection, structure: MIMEStructure, body: NewBody, facts extra: ContentFacts = []) {
    self.init(
      header: header.bytes, body: body, envelope: header.envelopeText(.ascii),
      bodyStructure: structure.bodyStructureText(extended: true, .ascii), structure: structure.encoded(),
      facts: ContentFacts(header: header, structure: structure).union(extra).rawValue)
  }
}
