extension Configuration {
  /// Finding out who sent the mail that comes from outside.
  public struct Authentication: Sendable, Hashable {
    public enum Incoming: String, Sendable, Hashable, CaseIterable {
      /// SPF, DKIM, DMARC and ARC are checked and written into the message, and what DMARC asks for is done.
      case enforce
      /// They are checked and written into the message, no more.
      case mark
      /// Nothing is looked up.
      case off
    }

    public let incoming: Incoming
    /// Domains whose ARC seals are believed. In lower case.
    public let trustedSealers: Set<String>

    public init(incoming: Incoming, trustedSealers: Set<String>) {
      self.incoming = incoming
      self.trustedSealers = trustedSealers
    }
  }
}
