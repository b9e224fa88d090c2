/// What the server says it can do, in each state (RFC 9051 §6.1.1). Everything listed works.
enum Capabilities {
  /// - Parameters:
  ///   - mechanisms: SASL mechanisms that the connection may use now; empty where a password may not come.
  ///   - offersTLS: STARTTLS is possible now.
  ///   - appendLimit: octets of the largest message (RFC 7889 §2).
  static func list(isAuthenticated: Bool, mechanisms: [String], offersTLS: Bool, appendLimit: Int) -> [String] {
    var list = ["IMAP4rev1", "IMAP4rev2", "SASL-IR", "ID", "ENABLE", "IDLE"]
    guard isAuthenticated else {
      // RFC 7888 §5: before login only short literals come without being asked for.
      list.append("LITERAL-")
      if offersTLS { list.append("STARTTLS") }
      // RFC 9051 §6.2.3: no password without TLS.
      if mechanisms.isEmpty { list.append("LOGINDISABLED") }
      list += mechanisms.map { "AUTH=\($0)" }
      return list
    }
    list += [
      "LITERAL+", "NAMESPACE", "UNSELECT", "UIDPLUS", "MOVE", "CHILDREN", "LIST-EXTENDED", "LIST-STATUS",
      "SPECIAL-USE", "CREATE-SPECIAL-USE", "STATUS=SIZE", "ESEARCH", "SEARCHRES", "CONDSTORE", "BINARY",
      "UTF8=ACCEPT", "APPENDLIMIT=\(appendLimit)",
    ]
    return list
  }
}
