import Platform
import Synchronization

/// Slows guessing down, per network and per account, without locking anybody out of a place where they logged in before.
///
/// An attempt from an address where the account logged in before has a line of its own that nobody elsewhere can fill. All
/// others stand in two lines: that of their network, and one of the account's two (networks that have just made
/// mistakes, and networks that have not). Whoever would have to wait too long is refused at once, whatever the
/// password. Names that are no accounts have the same lines. Memory is bounded: the oldest lines are forgotten.
final class GuessThrottle: Sendable {
  /// An attempt that was admitted; ends as a success, is taken back, or stays a failure.
  struct Ticket: Sendable {
    /// How long to wait before looking at the password.
    let wait: Duration
    fileprivate let lines: [Line]
  }

  fileprivate enum Line: Hashable, Sendable {
    case known(subject: String, address: String)
    case network(IPNetwork)
    case newcomers(subject: String)
    case suspects(subject: String)

    var pace: Pace {
      switch self {
      case .known: .known
      case .network: .network
      case .newcomers: .newcomers
      case .suspects: .suspects
      }
    }
  }

  /// A network with fewer mistakes than this is not suspect.
  static let innocence = 2

  private let lines: Mutex<BoundedTable<Line, Attempts>>

  init(limit: Int = 50_000) { lines = Mutex(BoundedTable(limit: limit)) }

  var count: Int { lines.withLock { $0.count } }

  /// - Parameters:
  ///   - subject: the account's name, or the name that somebody claims.
  ///   - isKnown: whether the account logged in from this address before.
  /// - Returns: `nil` when too many stand in line already.
  func admit(subject: String, peer: IPAddress, isKnown: Bool, at now: Moment) -> Ticket? {
    lines.withLock { table in
      var wanted: [Line] = []
      if isKnown {
        wanted = [.known(subject: subject, address: Self.place(of: peer))]
      } else if let network = IPNetwork(peer, prefix: peer.isIPv4 ? 24 : 64) {
        let mistakes = table[.network(network)]?.failures(at: now) ?? 0
        wanted = [
          .network(network), mistakes < Self.innocence ? .newcomers(subject: subject) : .suspects(subject: subject),
        ]
      }
      var taken: [Line] = []
      var wait = Duration.zero
      for line in wanted {
        var attempts = table[line] ?? Attempts(at: now)
        guard let place = attempts.reserve(line.pace, at: now) else {
          for line in taken { table.change(line) { $0.giveBack(line.pace) } }
          return nil
        }
        table.set(line, attempts, at: now)
        taken.append(line)
        wait = max(wait, place)
      }
      return Ticket(wait: wait, lines: taken)
    }
  }

  /// The password was right, or was never looked at.
  func giveBack(_ ticket: Ticket) {
    lines.withLock { table in
      for line in ticket.lines { table.change(line) { $0.giveBack(line.pace) } }
    }
  }

  /// What an address is remembered as: itself, or in IPv6 its /64, of which a machine has all.
  static func place(of peer: IPAddress) -> String {
    peer.isIPv4 ? peer.description : IPNetwork(peer, prefix: 64)?.description ?? peer.description
  }
}
