/// How long a client waits for each reply (RFC 5321 §4.5.3.2), and a server for the next command (§4.5.3.2.7).
///
/// A value, so that a test or a configuration can shorten them.
public struct TimeLimits: Sendable, Equatable {
  /// For the 220 after the connection (§4.5.3.2.1).
  public var greeting: Duration = .seconds(300)
  /// For the replies to EHLO, HELO, STARTTLS, AUTH, RSET and other commands that the section does not name.
  public var command: Duration = .seconds(300)
  /// For the reply to MAIL (§4.5.3.2.2).
  public var mail: Duration = .seconds(300)
  /// For the reply to RCPT (§4.5.3.2.3).
  public var recipient: Duration = .seconds(300)
  /// For the 354 (§4.5.3.2.4).
  public var dataStart: Duration = .seconds(120)
  /// For each block of content that is written, or read (§4.5.3.2.5).
  public var dataBlock: Duration = .seconds(180)
  /// For the reply to the final dot, or to the last chunk (§4.5.3.2.6).
  public var dataEnd: Duration = .seconds(600)
  /// For the 221: nothing depends on it.
  public var quit: Duration = .seconds(10)
  /// A server's patience while it waits for the next command (§4.5.3.2.7).
  public var nextCommand: Duration = .seconds(300)

  public init() {}

  /// The limits of the standard.
  public static let standard = TimeLimits()
}
