public import Configuration
public import Logging
public import Resolver
internal import Synchronization

/// The resolver that the configuration in force asks for. After a reload that changes `[dns]` it is another one.
public final class ConfiguredDNS: DNS, Sendable {
  private struct State: Sendable {
    var resolver: DNSResolver?
    var settings: Configuration.DNS?
    var isClosed = false
  }

  private let configuration: @Sendable () -> Configuration
  private let log: Logger
  private let state = Mutex(State())

  public init(configuration: @escaping @Sendable () -> Configuration, log: Logger = Logger(label: "resolver")) {
    self.configuration = configuration
    self.log = log
  }

  public func records(
    _ type: DNSRecordType, of name: DomainName
  ) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    guard let resolver = current() else {
      throw DNSFailure(kind: .closed, name: name, type: type, reason: "the resolver is closed")
    }
    return try await resolver.records(type, of: name)
  }

  /// Ends the resolver's thread; all later look-ups fail.
  public func close() async {
    let last = state.withLock { state in
      state.isClosed = true
      return state.resolver
    }
    await last?.close()
  }

  /// One that is replaced ends when its last look-up has ended.
  private func current() -> DNSResolver? {
    let wanted = configuration().dns
    return state.withLock { state in
      if state.isClosed { return nil }
      if let resolver = state.resolver, state.settings == wanted { return resolver }
      let resolver = DNSResolver(DNSResolver.Settings(wanted), log: log)
      (state.resolver, state.settings) = (resolver, wanted)
      return resolver
    }
  }
}
