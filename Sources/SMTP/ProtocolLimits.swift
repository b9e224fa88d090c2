/// Lengths in octets that this side of the protocol holds to.
public enum ProtocolLimits {
  /// The longest command line without AUTH, CRLF included. RFC 5321 §4.5.3.1.4 asks for 512, RFC 3461 §5.4
  /// for 1036, and the parameters of SIZE, BODY, SMTPUTF8 and AUTH come on top.
  public static let commandLine = 2048
  /// The longest line while an authentication may be going on (RFC 4954).
  public static let authenticationLine = 12_288
  /// The longest path, brackets included (RFC 5321 §4.5.3.1.3).
  public static let path = 256
  /// The longest domain (RFC 5321 §4.5.3.1.2).
  public static let domain = 255
  /// The longest line of content that is let through. RFC 5321 §4.5.3.1.6 asks for 1000 octets; real mail has more.
  public static let textLine = 1 << 20
}
