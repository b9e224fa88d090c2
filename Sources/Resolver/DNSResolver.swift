public import Logging
public import Platform
internal import Synchronization

/// The appliance's own resolver: libunbound inside the process, on a thread of its own, with a cache, validating DNSSEC.
///
///     records(of:) ──▶ inbox ──wake-up──▶ the thread ──▶ libunbound ──▶ servers
///          ▲                                  │
///          └───────── answer, failure ◀───────┘   or the time limit, or the caller's task was cancelled
///
/// The thread starts with the first question. One resolver for the life of the appliance; ``close()`` ends its thread.
public final class DNSResolver: DNS, Sendable {
  /// Whom the resolver asks.
  public enum Source: Hashable, Sendable {
    /// The root servers, and from there on whoever is responsible.
    case recursive
    /// The servers of `/etc/resolv.conf`.
    case system
    /// These servers: addresses with ports.
    case servers([HostPort])
  }

  public struct Settings: Hashable, Sendable {
    public var source: Source
    /// A file of DS or DNSKEY records, as dig prints them, for what is to be validated.
    public var trustAnchorFile: String?
    /// Such records themselves: `example. IN DS 20326 8 2 E06D…`. Where neither these nor a file are given, the keys of
    /// the root hold: those of Debian's `dns-root-data` if it is there, else those that are built in.
    public var trustAnchors: [String]
    /// For one look-up, CNAMEs and validation included.
    public var timeLimit: Duration
    /// Questions that libunbound has at a time; others wait their turn. Each costs it some kilobytes.
    var questionsAtOnce = 512

    public init(
      source: Source = .recursive, trustAnchorFile: String? = nil, trustAnchors: [String] = [],
      timeLimit: Duration = .seconds(20)
    ) {
      self.source = source
      self.trustAnchorFile = trustAnchorFile
      self.trustAnchors = trustAnchors
      self.timeLimit = timeLimit
    }
  }

  private let inbox: LookupInbox
  private let settings: Settings
  private let log: Logger

  public init(_ settings: Settings = Settings(), log: Logger = Logger(label: "resolver")) {
    self.settings = settings
    self.log = log
    inbox = LookupInbox()
  }

  /// Whoever forgets ``close()`` leaves no thread behind.
  deinit { inbox.close() }

  public func records(
    _ type: DNSRecordType, of name: DomainName
  ) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    let lookup = Lookup(name: name, type: type, deadline: .now + settings.timeLimit)
    let inbox = inbox
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Lookup.Result, Never>) in
        lookup.begin(continuation)
        switch inbox.put(lookup) {
        case .taken: break
        case .first: startThread()
        case .closed: lookup.finish(.failure(lookup.failure(.closed, "the resolver is closed")))
        }
      }
    } onCancel: {
      lookup.finish(.failure(lookup.failure(.closed, "nobody waits for it any more")))
    }
    return try result.get()
  }

  /// Ends the thread. Questions that are under way, and all later ones, fail with ``DNSFailure/Kind/closed``.
  public func close() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      if inbox.close({ continuation.resume() }) { continuation.resume() }
    }
  }

  private func startThread() {
    let (settings, inbox, log) = (settings, inbox, log)
    if let reason = ResolverThread.start({ LookupLoop(settings, inbox, log).run() }) {
      log.error("The resolver cannot start: \(reason)")
      inbox.abandon("the resolver cannot start: \(reason)")
    }
  }
}
