internal import Accounts
public import Configuration

/// Where one address leads in the end: accounts of this house and addresses elsewhere, each once.
///
/// A single alias of a single target is followed silently; what has several ends is an expansion whose ends become
/// recipients of their own (RFC 5321 §3.9.1, RFC 3461 §5.2.7.2 and §5.2.7.3).
public struct Expansion: Sendable {
  /// One end of an address.
  public enum End: Sendable, Hashable {
    /// An account, with the address through which it was reached last.
    case account(name: String, address: Configuration.Address)
    case outside(Configuration.Address)
  }

  public enum Outcome: Sendable {
    /// One end: the address is somebody's, or an alias for one.
    case one(End)
    /// Several.
    case many([End])
    /// The domain is not ours.
    case elsewhere(Configuration.Address)
    case unknown
    /// It names only members that may not receive this message.
    case nobody(String)
  }

  /// Nobody.
  static let unknown = Expansion(outcome: .unknown, path: [])

  public let outcome: Outcome
  /// The names it went through, for the trace: `info@example.org → anna`.
  public let path: [String]

  /// A circle of aliases is refused by the configuration's check; this bounds the work all the same.
  private static let depthLimit = 16

  /// - Parameters:
  ///   - senderIsKnown: the sender was authenticated, or is the house itself. Mail of strangers goes to members
  ///     outside only where the configuration allows it.
  public init(of address: Configuration.Address, in configuration: Configuration, senderIsKnown: Bool) {
    var walk = Walk(
      directory: Directory(configuration),
      mayLeave: senderIsKnown || configuration.delivery.forwardUnauthenticated)
    switch walk.directory.find(address) {
    case .elsewhere: outcome = .elsewhere(address)
    case .unknown: outcome = .unknown
    case .account(let account, _): outcome = .one(.account(name: account.name, address: address))
    case .alias(let alias):
      walk.follow(alias.targets, from: address, depth: 0)
      outcome = walk.outcome
    case .group(let group):
      walk.follow(group.members, from: address, depth: 0)
      outcome = walk.outcome
    case .catchAll(let member):
      walk.follow([member], from: address, depth: 0)
      outcome = walk.outcome
    }
    path = walk.path
  }

  private init(outcome: Outcome, path: [String]) {
    self.outcome = outcome
    self.path = path
  }

  /// The ends collected on the way.
  private struct Walk {
    let directory: Directory
    let mayLeave: Bool
    var ends: [End] = []
    var path: [String] = []
    private var seen: Set<String> = []
    private var kept = 0

    init(directory: Directory, mayLeave: Bool) {
      self.directory = directory
      self.mayLeave = mayLeave
    }

    var outcome: Outcome {
      switch ends.count {
      case 0:
        .nobody(kept > 0 ? "its members are elsewhere, and mail of strangers is not passed on" : "it has no members")
      case 1: .one(ends[0])
      default: .many(ends)
      }
    }

    mutating func follow(_ members: [Configuration.Member], from address: Configuration.Address, depth: Int) {
      path.append("\(address)")
      for member in members { follow(member, from: address, depth: depth) }
    }

    private mutating func follow(_ member: Configuration.Member, from address: Configuration.Address, depth: Int) {
      switch member {
      case .account(let name): add(.account(name: name, address: address), once: "a \(name)")
      case .outside(let elsewhere):
        guard mayLeave else {
          kept += 1
          return
        }
        add(.outside(elsewhere), once: "o \(elsewhere.key)")
      case .inside(let inner):
        guard depth < Expansion.depthLimit, seen.insert("i \(inner.key)").inserted else { return }
        switch directory.find(inner) {
        case .account(let account, _): add(.account(name: account.name, address: inner), once: "a \(account.name)")
        case .alias(let alias): follow(alias.targets, from: inner, depth: depth + 1)
        case .group(let group): follow(group.members, from: inner, depth: depth + 1)
        case .catchAll(let member): follow(member, from: inner, depth: depth + 1)
        case .elsewhere, .unknown: break
        }
      }
    }

    private mutating func add(_ end: End, once key: String) {
      if seen.insert(key).inserted { ends.append(end) }
    }
  }
}
