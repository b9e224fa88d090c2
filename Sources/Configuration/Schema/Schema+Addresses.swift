import Platform

/// All keys of `appliance.conf`, in the order in which the example has them. The keys of a table stand in an
/// enumeration of its name.
enum Schema {
  static let root = TableSchema(
    "", "",
    keys: Root.keys,
    tables: [
      DomainTable.schema, AccountTable.schema, AliasTable.schema, GroupTable.schema, DeliveryTable.schema,
    ] + ServiceTable.schemas + [
      TLSTable.schema, NetworkTable.schema, LimitsTable.schema, DeviceTable.schema, RuleTable.schema,
      AuthenticationTable.schema, SpamTable.schema, AttachmentsTable.schema, ClamdTable.schema, MilterTable.schema,
      DNSListTable.schema, GreylistingTable.schema,
      DNSTable.schema, RelayTable.schema, RouteTable.schema, SmartHostTable.schema, BackupTable.schema,
      TLSPolicyTable.schema, QueueTable.schema, TraceTable.schema, ControlTable.schema,
      LocalTable.schema, LogTable.schema, PasswordsTable.schema,
    ])

  enum Root {
    static let hostname = Key.optional(
      "hostname", .domainName, example: #""mail.example.org""#,
      "The name of this machine in the DNS: other servers are greeted with it, and the certificate should be for it. "
        + "Without this key: the full name that the machine itself knows (`hostname --fqdn`).")
    static let dataFolder = Setting(
      "data-folder", .path, "/var/lib/postroom", written: #""/var/lib/postroom""#,
      "Where the mail is: the database, and a self-made certificate if you have no other.")
    static let postmaster = Key.optional(
      "postmaster", .accountName, example: #""alice""#,
      "The account that gets mail for postmaster and abuse in every domain where nothing else has those addresses. "
        + "Without this key: the first account of the file.")
    static let keys: [any SchemaKey] = [hostname, dataFolder, postmaster]
  }

  static let member = #"an account's name or an address, such as "alice" or "sales@example.org""#

  enum DomainTable {
    static let name = Key.required(
      "name", .domainName, example: #""example.org""#, "Mail for this domain ends here.")
    static let catchAll = Key.optional(
      "catch-all", .member, example: #""alice""#,
      "An account or address that gets mail for addresses of the domain that nobody has. Without this key they are "
        + "refused, which keeps much spam away.")
    static let schema = TableSchema(
      "domain", presence: .inSmallest, "The domains whose mail ends here; one [[domain]] for each.",
      keys: [name, catchAll])
  }

  enum AccountTable {
    static let name = Key.required(
      "name", .accountName, example: #""alice""#,
      "The name for logging in. The mailboxes belong to it: an account of another name is another account. Its "
        + "password is not in this file: set it with `postroom password NAME`.")
    static let addresses = Key.optional(
      "addresses", .list(of: Kind<Configuration.Address>.address.located, count: 1...1000),
      example: #"["alice@example.org"]"#,
      "Its addresses: mail for them goes to its inbox, and it may send as any of them. The first is its main one. "
        + "Without this key: its name in the first domain of the file.")
    static let quota = Key.optional(
      "quota", .size((1 << 20)...(1 << 50)), example: #""10 GiB""#,
      "How much its mailboxes may hold together. Mail that does not fit is refused when it comes, never lost. Without "
        + "this key there is no limit.")
    static let lists = Setting(
      "keeps-lists", .list(of: Kind<String>.nonEmptyText, count: 0...1000), [], written: "[]",
      #"Mailing lists, by their List-Id such as "announce.lists.example.net", whose mail this account gets in Junk, with "#
        + "the reason, where the author's domain asks to refuse it (DMARC) because the list has changed it.")
    static let schema = TableSchema(
      "account", presence: .inSmallest, "The people and other users with mailboxes; one [[account]] for each.",
      keys: [name, addresses, quota, lists])
  }

  enum AliasTable {
    static let address = Key.required(
      "address", .address, example: #""info@example.org""#, "The further address, in one of the domains above.")
    static let to = Key.required(
      "to", .list(of: Kind<String>.member.located, count: 1...1000), example: #"["alice"]"#,
      "Whose address it is: accounts or addresses. These accounts may also send as the alias.")
    static let schema = TableSchema(
      "alias", presence: .repeated, "Further addresses for one or several accounts; one [[alias]] for each.",
      keys: [address, to])
  }

  enum GroupTable {
    static let address = Key.required(
      "address", .address, example: #""team@example.org""#, "The address of the group, in one of the domains above.")
    static let members = Key.required(
      "members", .list(of: Kind<String>.member.located, count: 1...10_000), example: #"["alice"]"#,
      "Accounts or addresses, also those of aliases and of other groups.")
    static let schema = TableSchema(
      "group", presence: .repeated,
      "Addresses whose mail goes to each of their members; one [[group]] for each. Nobody may send as a group.",
      keys: [address, members])
  }

  enum DeliveryTable {
    static let separator = Setting(
      "separator", .separator, Character("+") as Character?, written: #""+""#,
      #"What separates a name from its sub-address: with "+", mail for alice+lists@ is alice's. "" switches it off."#)
    static let forwardUnauthenticated = Setting(
      "forward-unauthenticated", false,
      "Whether aliases, groups and catch-alls may lead to addresses in other domains. Where the senders of messages "
        + "are not authenticated, forwarding passes forged mail and spam on in your name, and other servers will think "
        + "ill of yours.")
    static let schema = TableSchema(
      "delivery", "How addresses lead to mailboxes.", keys: [separator, forwardUnauthenticated])
  }
}

extension Kind where Value == String {
  /// An account's name or an address; which of them is found out when all are known.
  static let member = Kind.nonEmptyText.map(Schema.member) { text in
    text.contains("@")
      ? (Configuration.Address(text) == nil ? nil : text)
      : Kind<String>.accountName.read(
        TOMLNode(value: .string(text), line: 0))
  }
}

extension Kind where Value == Character? {
  /// One character that can stand in a local part and separates nothing else there.
  static let separator = Kind(##"one of "+", "-", "_", "=", "#", or "" for none"##) { node in
    guard case .string(let text) = node.value else { return nil }
    if text.isEmpty { return .some(nil) }
    return ["+", "-", "_", "=", "#"].contains(text) ? .some(text.first) : nil
  }
}
