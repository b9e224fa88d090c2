import Platform

extension Schema {
  enum SpamTable {
    static let enabled = Setting(
      "enabled", true,
      "Whether mail from outside is classified by its words. It says nothing until enough messages were learned.")
    static let learn = Setting(
      "learn", true,
      "Whether it learns when people move messages into Junk or out of it, and when their programs mark them $Junk or "
        + "$NotJunk. `postroom spam train` teaches it too.")
    static let junkScore = Setting(
      "junk-score", number: 1...100, 5,
      "From which sum of scores on a message goes to Junk. The classifier alone gives from -6 to 6.")
    static let minimumLessons = Setting(
      "minimum-lessons", number: 1...100_000, 50,
      "How many messages of each kind must have been learned before it says anything.")
    static let schema = TableSchema(
      "spam", "What people call spam, learned from them: for all together and for each account.",
      keys: [enabled, learn, junkScore, minimumLessons])
  }

  enum AttachmentsTable {
    typealias Treatment = Configuration.Attachments.Treatment
    private static let words =
      #" "accept", "tag" (a header field says so), "junk", "quarantine" or "reject"."#

    static let executables = Setting(
      "executables", Treatment.quarantine,
      "Programs, scripts and the like, whatever they are called, in zip archives too; and names that hide what they "
        + "are:" + words)
    static let macros = Setting("macros", Treatment.tag, "Office files with macros:" + words)
    static let encrypted = Setting(
      "encrypted", Treatment.tag, "Archives and documents that need a password:" + words)
    static let unreadable = Setting(
      "unreadable", Treatment.accept,
      "What cannot be looked into, because it is damaged, too large, too deep or of another kind than zip:" + words)
    static let schema = TableSchema(
      "attachments", "What becomes of mail from outside with attachments that may do harm.",
      keys: [executables, macros, encrypted, unreadable])
  }

  enum ClamdTable {
    static let socket = Key.optional(
      "socket", .place, example: #""/run/clamav/clamd.ctl""#,
      "Where clamd listens: a path, or a host and port. Without it nothing is scanned.")
    static let timeLimit = Setting(
      "time-limit", time: .seconds(1)...(.seconds(120)), .seconds(20), "How long it may take over one message.")
    static let sizeLimit = Setting(
      "size-limit", size: (1 << 16)...(1 << 30), 25 << 20,
      "Larger messages are not scanned. At most clamd's own StreamMaxLength.")
    static let infected = Setting(
      "infected", Configuration.Clamd.Infected.quarantine,
      #"What becomes of a message in which it finds something: "quarantine" or "reject"."#)
    static let whenDown = Setting(
      "when-down", Configuration.Clamd.WhenDown.defer,
      #"What becomes, while it does not answer, of a message with an attachment that could do harm: "defer" (the sender "#
        + #"shall come again, and after the patience it is quarantined), "quarantine", or "tag". Other mail is tagged."#
    )
    static let patience = Setting(
      "patience", time: .seconds(0)...(.seconds(86_400)), .seconds(1800),
      "For how long senders are told to come again.")
    static let schema = TableSchema(
      "clamd", "The virus scanner ClamAV, if there is one.",
      keys: [socket, timeLimit, sizeLimit, infected, whenDown, patience])
  }

  enum MilterTable {
    static let name = Key.required(
      "name", .nonEmptyText, example: #""archive""#, "What it is called in traces.")
    static let socket = Key.required(
      "socket", .place, example: #""127.0.0.1:8891""#, "Where it listens: a path, or a host and port.")
    static let timeLimit = Setting(
      "time-limit", time: .seconds(1)...(.seconds(120)), .seconds(10), "How long it may take over each answer.")
    static let whenDown = Setting(
      "when-down", Configuration.Milter.WhenDown.accept,
      #"What becomes of mail while it does not answer: "accept", "defer" (the sender shall come again) or "#
        + #""quarantine"."#)
    static let includesOwn = Setting(
      "own-mail", false, "Whether the mail of your own people goes through it too.")
    static let schema = TableSchema(
      "milter", presence: .repeated,
      "Filters that you keep, spoken to as sendmail's mail filters are (protocol version 6); one [[milter]] for each, asked "
        + "in parallel. A changed body is refused.",
      keys: [name, socket, timeLimit, whenDown, includesOwn])
  }
}

extension Kind where Value == Configuration.Place {
  static let place = Kind(
    #"a path from the root of at most 107 bytes, or a host with its port, such as "/run/clamav/clamd.ctl" or "#
      + #""127.0.0.1:3310""#
  ) { node in
    guard case .string(let text) = node.value else { return nil }
    if text.hasPrefix("/") { return text.utf8.count <= 107 ? .local(path: text) : nil }
    guard let place = HostPort(text), place.port > 0 else { return nil }
    return IPAddress(place.host) != nil || isDomainName(place.host) ? .network(place) : nil
  }
}
