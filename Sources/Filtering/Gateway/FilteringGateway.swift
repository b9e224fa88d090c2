public import Configuration
public import Logging
public import MailFlow
public import Network
public import Resolver
public import Store

/// Everything of this room, wired: the judge, and what teaches its classifier.
public struct FilteringGateway: Sendable {
  public let judge: any Judge
  public let classifier: BayesClassifier
  public let observer: TrainingObserver
  public let trainer: Trainer

  /// - Parameter connect: makes connections to clamd and milters; without it neither is asked.
  /// - Parameter dns: where lists are looked up; without it none is.
  public init(
    store: Store, configuration: @escaping @Sendable () -> Configuration,
    connect: (@Sendable (Configuration.Place, Duration) async throws -> Connection)?, dns: (any DNS)? = nil,
    log: Logger
  ) {
    classifier = BayesClassifier(store: store, minimum: { configuration().spam.minimumLessons })
    observer = TrainingObserver(learns: { configuration().spam.learn })
    trainer = Trainer(store: store, classifier: classifier, observer: observer, log: log)
    var checks: [any ContentCheck] = [SpamCheck(classifier: classifier), AttachmentCheck()]
    if let connect {
      checks += [MalwareCheck(helper: Helper(connect: connect)), MilterCheck(helper: Helper(connect: connect))]
    }
    if let dns { checks.append(DNSListCheck(dns: dns)) }
    judge = GatewayJudge(checks: checks, greylist: Greylist(store: store))
  }
}

extension Connector {
  /// Connects to a helper program of the configuration.
  public func connect(to place: Configuration.Place, within limit: Duration) async throws -> Connection {
    switch place {
    case .local(let path): try await connect(toLocal: path, within: limit)
    case .network(let place): try await connect(to: place, within: limit)
    }
  }
}
