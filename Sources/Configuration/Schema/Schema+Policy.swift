import Platform

extension Schema {
  enum RuleTable {
    private static let pattern = Kind<String>.nonEmptyText.map(#"a text, with "*" for any characters"#) {
      Configuration.Pattern($0)
    }

    static let name = Key.required(
      "name", .nonEmptyText, example: #""no programs""#, "What it is called in traces and the quarantine.")
    static let direction = Setting(
      "direction", .list(of: Kind<Configuration.Rule.Direction>.choice, count: 0...3), [], written: "[]",
      #"Which way the mail goes: "incoming" from outside, "outgoing" to outside, "internal" from one of yours to "#
        + "another. Empty: any way.")
    static let sender = Setting(
      "sender", .list(of: pattern), [], written: "[]",
      #"Addresses of senders (on the envelope or in From), such as "*@example.net". Empty: any."#)
    static let recipient = Setting(
      "recipient", .list(of: pattern), [], written: "[]",
      "Addresses of recipients, their sub-addresses included. Empty: any. The action is done for those recipients alone."
    )
    static let headers = Setting(
      "headers", .headers, [], written: "{}",
      #"Words or phrases in header fields, in any case: { Subject = ["lottery", "you have won"] }. Every field named "#
        + "must have one of its words.")
    static let largerThan = Key.optional(
      "larger-than", .size(0...(1 << 40)), example: #""20 MiB""#, "Messages larger than this.")
    static let attachmentName = Setting(
      "attachment-name", .list(of: pattern), [], written: "[]",
      #"File names of attachments, such as "*.exe". Empty: any, or none."#)
    static let attachmentType = Setting(
      "attachment-type", .list(of: pattern), [], written: "[]",
      #"Content types of parts, such as "application/x-msdownload" or "video/*". Empty: any."#)
    static let action = Key.required(
      "action", Kind<Configuration.Rule.Action>.choice, example: #""quarantine""#,
      #""reject" refuses the message, "quarantine" keeps it for `postroom quarantine`, "tag" puts the text before its "#
        + #"subject, "discard" drops it without a word."#)
    static let text = Key.optional(
      "text", .nonEmptyText, example: #""[external] ""#, "The reply of a rejection; the tag.")
    static let schema = TableSchema(
      "rule", presence: .repeated,
      "Filters of your own; one [[rule]] for each. A rule needs at least one condition, and acts where all of its "
        + "conditions hold. They are tried in their order, for each recipient by itself: the first one that rejects, "
        + "quarantines or discards decides, and tags before it are put on.",
      keys: [
        name, direction, sender, recipient, headers, largerThan, attachmentName, attachmentType, action, text,
      ])
  }

  enum QueueTable {
    static let retry = Setting(
      "retry", .list(of: .duration(.seconds(1)...(.seconds(86_400))), count: 1...100),
      [.seconds(300), .seconds(900), .seconds(1800), .seconds(3600), .seconds(7200), .seconds(14_400)],
      written: #"["5 min", "15 min", "30 min", "1 h", "2 h", "4 h"]"#,
      """
      How long to wait before each new attempt; the last one is repeated. A server that does not answer at all is \
      left alone for a minute, then longer each time, up to an hour: no message tries it meanwhile.
      """)
    static let giveUpAfter = Setting(
      "give-up-after", time: .seconds(60)...(.seconds(30 * 86_400)), .seconds(5 * 86_400),
      "After this the sender gets the message back.")
    static let delayNoticeAfter = Setting(
      "delay-notice-after", time: .seconds(60)...(.seconds(30 * 86_400)), .seconds(4 * 3600),
      "After this the sender is told that it is still waiting.")
    static let connections = Setting(
      "connections", number: 1...10_000, 100, "Connections to other servers at once, all together.")
    static let connectionsPerDestination = Setting(
      "connections-per-destination", number: 1...1000, 20,
      "Connections to one server at once. So many are used only where they are taken: there are more with each message that "
        + "goes well, and fewer as soon as one is refused.")
    static let schema = TableSchema(
      "queue", "Mail that leaves, and mail that cannot leave at once.",
      keys: [retry, giveUpAfter, delayNoticeAfter, connections, connectionsPerDestination])
  }

  enum TraceTable {
    static let keep = Setting(
      "keep", time: .seconds(3600)...(.seconds(3650 * 86_400)), .seconds(30 * 86_400),
      "How long the journeys of messages are remembered.")
    static let subjects = Setting(
      "subjects", true, "Whether their subjects are remembered, so that `postroom trace` can find them.")
    static let schema = TableSchema("trace", "What `postroom trace` can tell.", keys: [keep, subjects])
  }

  enum ControlTable {
    static let socket = Setting(
      "socket",
      Kind<String>.path.map(#"a path from the root of at most 107 bytes, such as "/run/postroom/control""#) {
        $0.utf8.count <= 107 ? $0 : nil
      }, "/run/postroom/control", written: #""/run/postroom/control""#,
      "The socket through which the command line reaches the running appliance.")
    static let group = Setting(
      "group", .accountName, "postroom-admin", written: #""postroom-admin""#,
      "The group of the system whose members may administer the appliance; root always may.")
    static let schema = TableSchema("control", "The command line.", keys: [socket, group])
  }

  enum LocalTable {
    static let socket = Key.optional(
      "socket", ControlTable.socket.kind, example: #""/run/postroom/submit""#,
      "The socket on which the sendmail command hands mail in; every user of the machine may write to it. Without this "
        + "key: `submit` beside the socket of [control]. Where systemd has opened the socket local, that one is used "
        + "instead.")
    static let schema = TableSchema(
      "local",
      "Mail from programs of this machine, by the sendmail command. A user of the system may send as NAME@hostname and, "
        + "where there is an account of the same name, as its addresses; root as anyone. Mail for such users goes to the "
        + "account of their name, else to the postmaster.",
      keys: [socket])
  }

  enum LogTable {
    static let level = Setting(
      "level", Configuration.LogLevel.info, "The least important messages that are logged.")
    static let schema = TableSchema("log", "The log.", keys: [level])
  }

  enum PasswordsTable {
    static let iterations = Setting(
      "iterations", number: 4096...10_000_000, 100_000,
      "How much work a password costs who guesses it, and the mail program that logs in with SCRAM. Holds for "
        + "passwords that are set from now on.")
    static let schema = TableSchema("passwords", "How passwords are kept.", keys: [iterations])
  }
}

extension Kind where Value == [Configuration.Rule.HeaderCondition] {
  /// `{ Field = ["word", …], … }`, or one word without brackets.
  static let headers = Kind(#"header fields with words, such as { Subject = ["lottery"] }"#) { node in
    guard case .table(let entries) = node.value else { return nil }
    let words = Kind<[String]>.list(of: .nonEmptyText, count: 1...1000)
    let conditions = entries.compactMap { entry -> Configuration.Rule.HeaderCondition? in
      // RFC 2822 §3.6.8: a field's name is printable ASCII without the colon.
      guard !entry.key.isEmpty, entry.key.utf8.allSatisfy({ (33...126).contains($0) && $0 != 58 }) else { return nil }
      let found = words.read(entry.node) ?? Kind<String>.nonEmptyText.read(entry.node).map { [$0] }
      return found.map { Configuration.Rule.HeaderCondition(field: entry.key, words: $0) }
    }
    return conditions.count == entries.count ? conditions : nil
  }
}
