extension Configuration {
  /// What TLS must do on the way to some domains whose servers are found in the DNS.
  public enum TLSPolicy {
    public enum Mode: String, Sendable, Hashable, CaseIterable {
      /// As the domain itself wants it: DANE, else MTA-STS, else TLS where the server can.
      case automatic
      /// TLS or nothing, besides what the domain itself wants.
      case require
      /// TLS or nothing, and the server must prove its name: by DANE where the domain has it, else by its certificate.
      case verify
      /// DANE or nothing (RFC 7672 §6).
      case dane
      /// TLS where the server can, whatever the domain wants.
      case opportunistic
      /// No TLS.
      case none
    }
  }

  /// What TLS must do for a domain: its own entry, that of a parent domain written as `.example.net`, that of `*`, else what
  /// the domain itself wants.
  public func tlsMode(for domain: String) -> TLSPolicy.Mode {
    let own = Self.domainKeys(domain.lowercased()).lazy.compactMap { tlsPolicyIndex[$0] }.first
    return own ?? tlsPolicyIndex["*"] ?? .automatic
  }
}
