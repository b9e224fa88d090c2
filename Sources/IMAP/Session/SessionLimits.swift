/// What one session may ask for at most. Constants of the protocol and of good sense; what an administrator decides is
/// in the configuration.
struct SessionLimits: Sendable {
  /// Octets of a command line before login. Names, passwords and SASL responses are all that comes then.
  var lineBeforeLogin = 8192
  /// Octets of a whole command before login, literals included.
  var commandBeforeLogin = 16_384
  /// RFC 7888 §5: the largest non-synchronising literal where LITERAL- is advertised.
  var literalBeforeLogin = 4096
  /// Octets of a command line after login. Clients name thousands of scattered UIDs in one line.
  var line = 262_144
  /// Octets of a whole command after login, literals included; the message of an APPEND is not part of it.
  var command = 1 << 20
  /// How much of a refused literal that comes without being asked for is read and thrown away; beyond that the connection
  /// ends.
  var discardedLiteral = 1 << 28
  /// Commands in a row that were not understood, after which the connection ends.
  var badCommandsBeforeLogin = 10
  var badCommands = 50
  /// Failed logins in one connection, after which it ends. The slowing-down of guesses is the Authenticator's.
  var failedLogins = 5
  /// RFC 9051 §5.4: after login at least 30 minutes; the clock of the client may be slow.
  var inactivity = Duration.seconds(31 * 60)
  /// From the beginning of a wait to the next command before login.
  var inactivityBeforeLogin = Duration.seconds(120)
  /// From the beginning of a connection to login.
  var login = Duration.seconds(600)
  /// For the octets of a literal, from one arrival to the next.
  var literalPause = Duration.seconds(300)
}
