internal import Platform
internal import Resolver

/// The servers of a destination, in the order of RFC 5321 §5.1. Pure: MX records in, groups of hosts out.
struct Directions: Sendable, Hashable {
  /// Why mail cannot go anywhere.
  enum Obstacle: Error, Hashable, Sendable {
    /// The domain says that it takes no mail (RFC 7505).
    case nullMX
    /// We are the best of its servers, by name, and do not know the domain: it would come back to us.
    case loop
  }

  /// Hosts of equal preference together, those to be tried first in front; no group is empty. Within a group the order
  /// is random, so that load is spread.
  var groups: [[MailHost]]

  init(groups: [[MailHost]]) { self.groups = groups }

  /// - Parameters:
  ///   - domain: the destination, or what it is an alias of.
  ///   - records: its MX records. None: the domain itself is its server (implicit MX).
  ///   - ownNames: names of this machine. If one of them is among the exchangers, only those with a lower preference
  ///     value are left.
  ///   - port: where mail servers listen.
  ///   - chance: a random number in 0..<1.
  init(
    _ domain: DomainName, records: [MXRecord], isProven: Bool, port: Int = 25, ownNames: Set<DomainName>,
    chance: () -> Double
  ) throws(Obstacle) {
    if records.isEmpty {
      groups = [[MailHost(exchange: domain, isProven: isProven, port: port)]]
      return
    }
    // RFC 7505 §3: a null MX stands alone. Beside others it says nothing and leads nowhere.
    let usable = records.filter { !$0.exchange.isRoot }
    guard !usable.isEmpty else { throw .nullMX }
    var best: [DomainName: UInt16] = [:]
    for record in usable { best[record.exchange] = min(best[record.exchange] ?? .max, record.preference) }
    if let own = best.filter({ ownNames.contains($0.key) }).values.min() { best = best.filter { $0.value < own } }
    guard !best.isEmpty else { throw .loop }
    groups = Dictionary(grouping: best.keys) { best[$0] ?? 0 }.sorted { $0.key < $1.key }.map { _, names in
      // In a fixed order first, so that chance alone decides.
      names.sorted { $0.ascii < $1.ascii }.map { MailHost(exchange: $0, isProven: isProven, port: port) }.shuffled(
        by: chance)
    }
  }
}

extension Array {
  /// In an order that the given random numbers decide (Fisher and Yates).
  func shuffled(by chance: () -> Double) -> [Element] {
    var result = self
    for last in result.indices.dropFirst().reversed() {
      result.swapAt(last, Swift.min(Int(chance() * Double(last + 1)), last))
    }
    return result
  }
}
