/// For which kind of client an IMAP text is.
public enum TextForm: Hashable, Sendable {
  /// A client that has not enabled UTF8=ACCEPT or IMAP4rev2: header text as RFC 6858 downgrades it.
  case ascii
  /// A client that takes UTF-8 in quoted strings and addresses.
  case utf8
}
