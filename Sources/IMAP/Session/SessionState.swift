/// Where a session stands (RFC 9051 §3), and what the client has enabled. A pure value: which command is possible follows
/// from it alone.
///
///     connected ──▶ not authenticated ──LOGIN, AUTHENTICATE──▶ authenticated ──SELECT, EXAMINE──▶ selected
///                     │  ▲                                        │   ▲                             │
///                     └STARTTLS                                   │   └──CLOSE, UNSELECT, failed ───┘
///                     │                                           │       SELECT                    │
///                     └───────────────LOGOUT, BYE─────────────────┴────────────▶ closed ◀───────────┘
struct SessionState: Equatable, Sendable {
  enum Phase: Equatable, Sendable {
    case notAuthenticated
    case authenticated
    case selected
    case loggedOut
  }

  /// What ENABLE and the CONDSTORE enabling commands (RFC 7162 §3.1) have turned on. Nothing is ever turned off.
  struct Enabled: OptionSet, Sendable {
    let rawValue: UInt8
    static let condstore = Enabled(rawValue: 1)
    static let rev2 = Enabled(rawValue: 2)
    static let utf8 = Enabled(rawValue: 4)
  }

  /// The phases in which a command is possible.
  struct Phases: OptionSet, Sendable {
    let rawValue: UInt8
    static let notAuthenticated = Phases(rawValue: 1)
    static let authenticated = Phases(rawValue: 2)
    static let selected = Phases(rawValue: 4)
    static let any: Phases = [.notAuthenticated, .authenticated, .selected]
    static let loggedIn: Phases = [.authenticated, .selected]
  }

  var phase = Phase.notAuthenticated
  var enabled: Enabled = []
  var badCommands = 0
  var failedLogins = 0

  /// How names and quoted strings go out: RFC 9051 appendix A and RFC 6855 §3 forbid UTF-8 until it is enabled.
  var dialect: MailboxName.Encoding { enabled.isDisjoint(with: [.rev2, .utf8]) ? .modifiedUTF7 : .utf8 }

  /// Why a command is not possible now; nil if it is.
  func objection(to phases: Phases) -> Completion? {
    switch phase {
    case .notAuthenticated where !phases.contains(.notAuthenticated): .bad("Log in first")
    case .authenticated where !phases.contains(.authenticated):
      phases.contains(.selected) ? .bad("No mailbox is selected") : .bad("You are logged in already")
    case .selected where !phases.contains(.selected): .bad("You are logged in already")
    case .loggedOut: .bad("The session is over")
    default: nil
    }
  }
}
