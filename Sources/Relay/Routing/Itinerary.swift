internal import Configuration
internal import Platform
internal import Resolver

/// The hosts to try for one destination, one after the other; each group of equals is looked up when its turn comes.
struct Itinerary: Sendable {
  /// Domains with more servers exist; nobody needs more of them to fail (RFC 5321 §5.1 lets us limit them).
  static let mostHosts = 12
  /// Hosts whose addresses are looked up, usable or not: a stranger decides how many there are.
  static let mostLookUps = 24

  let router: Router
  let rules: AddressRules
  let directions: Directions
  private var nextGroup = 0
  private var ready: [ReachableHost] = []
  private var given = 0
  private var looked = 0
  /// Some hosts were left out, so nothing is certain.
  private var isCut = false
  private var obstacles: [(host: MailHost, why: Router.Unusable)] = []

  init(router: Router, rules: AddressRules, directions: Directions) {
    self.router = router
    self.rules = rules
    self.directions = directions
  }

  /// The next host; `nil`: there is no other. ``failure(for:)`` says why if there was none at all.
  mutating func next() async -> ReachableHost? {
    while ready.isEmpty {
      guard nextGroup < directions.groups.count else { return nil }
      guard given < Self.mostHosts, looked < Self.mostLookUps else {
        isCut = true
        return nil
      }
      let group = directions.groups[nextGroup].prefix(Self.mostLookUps - looked)
      if group.count < directions.groups[nextGroup].count { isCut = true }
      looked += group.count
      nextGroup += 1
      await look(Array(group))
    }
    given += 1
    return ready.removeFirst()
  }

  private mutating func look(_ group: [MailHost]) async {
    let found = await withTaskGroup(of: (Int, Result<ReachableHost, Router.Unusable>).self) { tasks in
      for (index, host) in group.enumerated() {
        tasks.addTask { [router, rules] in
          do throws(Router.Unusable) {
            return (index, .success(try await router.addresses(of: host, rules)))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var found: [(Int, Result<ReachableHost, Router.Unusable>)] = []
      for await one in tasks { found.append(one) }
      return found.sorted { $0.0 < $1.0 }
    }
    var isOwn = false
    for (index, result) in found {
      switch result {
      case .success(let host): ready.append(host)
      case .failure(let why):
        if case .own = why { isOwn = true }
        obstacles.append((group[index], why))
      }
    }
    // RFC 5321 §5.1: where we are one of the servers, those as good as we and worse are no way to go.
    if isOwn {
      ready = []
      nextGroup = directions.groups.count
    }
  }

  /// A host that may be there and was not, or could not be, looked up.
  func unknownHost(for destination: String) -> HostFailure? {
    for (host, why) in obstacles {
      switch why {
      case .unknown(let failure): return .unknownWay(destination, failure)
      case .notFound(let reason): return .unreachable("\(host)", reason)
      case .noAddress, .forbidden, .own: continue
      }
    }
    return isCut ? .unreachable(destination, "it has too many servers to try them all") : nil
  }

  /// Why no host could be given. Final only where every host has been looked at.
  func failure(for destination: String) -> HostFailure {
    for (_, why) in obstacles {
      if case .unknown(let failure) = why { return .unknownWay(destination, failure) }
    }
    for (host, why) in obstacles {
      if case .own(let address) = why { return .loop(destination, "\(host.host) (\(address)) is this machine") }
    }
    for (host, why) in obstacles {
      if case .notFound(let reason) = why { return .unreachable("\(host)", reason) }
    }
    guard !isCut, !obstacles.isEmpty, nextGroup >= directions.groups.count else {
      let names = obstacles.prefix(3).map(\.host.host).joined(separator: ", ")
      return .unreachable(destination, names.isEmpty ? "it was not tried" : "no use can be made of \(names)")
    }
    for (host, why) in obstacles {
      if case .forbidden(let address) = why { return .forbidden(destination, host.host, address) }
    }
    return .noServer(destination, obstacles.map(\.host.host))
  }
}
