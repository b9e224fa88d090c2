import Platform

extension Schema {
  /// The tables of the five services are alike.
  enum ServiceTable {
    static func enabled(_ name: Configuration.Service.Name) -> Setting<Bool> {
      Setting("enabled", true, "Whether the service runs.")
    }

    static func listen(_ name: Configuration.Service.Name) -> Setting<[Located<HostPort>]> {
      let port = standardPort(name)
      return Setting(
        "listen", .list(of: Kind<HostPort>.listen.located, count: 1...100),
        [Located(value: HostPort(host: "::", port: port), line: 0)], written: "[\"[::]:\(port)\"]",
        "Where it listens; [::] is every address of the machine, IPv4 too. Where systemd has opened the socket "
          + "\(name.rawValue), that one is used instead.")
    }

    static let showClientAddress = Setting(
      "show-client-address", false,
      "Whether the messages tell the world from which address your people send (in the Received field), here and in "
        + "submissions.")

    static func schema(_ name: Configuration.Service.Name) -> TableSchema {
      var keys: [any SchemaKey] = [enabled(name), listen(name)]
      if name == .submission { keys.append(showClientAddress) }
      return TableSchema(name.rawValue, documentation(name), keys: keys)
    }

    static let schemas = Configuration.Service.Name.allCases.map(schema)

    static func standardPort(_ name: Configuration.Service.Name) -> Int {
      switch name {
      case .smtp: 25
      case .submission: 587
      case .submissions: 465
      case .imap: 143
      case .imaps: 993
      }
    }

    private static func documentation(_ name: Configuration.Service.Name) -> String {
      switch name {
      case .smtp: "Mail from other servers, and from devices."
      case .submission: "Mail from your own people's programs, with STARTTLS, and from devices."
      case .submissions: "The same with TLS from the first byte."
      case .imap: "Reading mail, with STARTTLS."
      case .imaps: "The same with TLS from the first byte."
      }
    }
  }

  enum TLSTable {
    static let certificate = Key.optional(
      "certificate", .path, example: #""/etc/postroom/certificate.pem""#,
      "The certificate with its chain, a PEM file. Without it the appliance makes one of its own, which mail programs "
        + "will not trust without asking. The files are read again at every reload.")
    static let key = Key.optional(
      "key", .path, example: #""/etc/postroom/key.pem""#, "The key of the certificate, a PEM file.")

    enum Name {
      static let names = Key.required(
        "names", .list(of: .domainName, count: 1...100), example: #"["mail.example.net"]"#,
        "The names that a client asks for.")
      static let certificate = Key.required(
        "certificate", .path, example: #""/etc/postroom/example.net.pem""#, "The certificate with its chain.")
      static let key = Key.required(
        "key", .path, example: #""/etc/postroom/example.net.key""#, "The key of the certificate.")
      static let schema = TableSchema(
        "name", presence: .repeated, "Other certificates for clients that ask for other names (SNI).",
        keys: [names, certificate, key])
    }

    static let schema = TableSchema(
      "tls", "What proves to others that this machine is who it says.", keys: [certificate, key],
      tables: [Name.schema])
  }

  enum NetworkTable {
    static let plaintextPasswords = Setting(
      "plaintext-passwords-from", .list(of: Kind<IPNetwork>.network.located), [], written: "[]",
      "Addresses or networks from which passwords are taken without TLS. They can be read on their way: best none, at "
        + "most the machine itself. It never lets anybody send without a password.")
    static let proxyProtocol = Setting(
      "proxy-protocol-from", .list(of: Kind<IPNetwork>.network.located), [], written: "[]",
      "Addresses or networks of load balancers. Connections from them must begin with a PROXY protocol header (version "
        + "1 or 2), which says where the client is; from anywhere else such a header is not believed.")
    static let schema = TableSchema(
      "network", "Who is believed what.", keys: [plaintextPasswords, proxyProtocol])
  }

  enum LimitsTable {
    static let messageSize = Setting(
      "message-size", size: (1 << 16)...(1 << 30), 50 << 20, "The largest message that is taken, from anyone.")
    static let recipients = Setting(
      "recipients", number: 100...50_000, 1000, "The most recipients of one message.")
    static let connections = Setting(
      "connections", number: 10...100_000, 1000, "The most connections at once, of all services together.")
    static let connectionsPerAddress = Setting(
      "connections-per-address", number: 1...100_000, 200,
      "The most connections at once from one address. A mail program opens about five for each account.")
    static let staging = Setting(
      "staging", size: (1 << 20)...(1 << 40), 1 << 30,
      "The most disk that messages on their way in may take together. At least as much as message-size.")
    static let stagingPerAddress = Setting(
      "staging-per-address", size: (1 << 20)...(1 << 40), 100 << 20,
      "The most of it that one address may take: a tenth, so that nobody can keep all others out. At least as much as "
        + "message-size.")
    static let diskReserve = Setting(
      "disk-reserve", size: 0...(1 << 40), 256 << 20,
      "With less free disk than this, new mail is refused for the time being, and senders try again later.")
    static let replyDeadline = Setting(
      "reply-deadline", time: .seconds(1)...(.seconds(300)), .seconds(30),
      "How long the filters may take over a message from another server. What they have not said by then counts as "
        + "unknown.")
    static let submissionReplyDeadline = Setting(
      "submission-reply-deadline", time: .seconds(1)...(.seconds(300)), .seconds(10),
      "The same for messages from your own people, who are waiting.")
    static let messagesPerMinute = Setting(
      "messages-per-minute", number: 1...1_000_000, 300,
      "The most messages a minute from one address on port 25; whoever sends more is put off. Addresses of internal "
        + "networks may send more.")
    static let longestRefusal = Setting(
      "longest-refusal", time: .zero...(.seconds(60)), .seconds(5),
      "Who is refused again and again on port 25 gets each refusal a little later, up to this time; \"0 s\" does not. "
        + "Addresses of internal networks do not wait.")
    static let schema = TableSchema(
      "limits", "What is granted to anyone at most.",
      keys: [
        messageSize, recipients, connections, connectionsPerAddress, staging, stagingPerAddress, diskReserve,
        replyDeadline, submissionReplyDeadline, messagesPerMinute, longestRefusal,
      ])
  }

  enum DeviceTable {
    static let name = Key.required(
      "name", .nonEmptyText, example: #""scanner""#, "What it is called in traces and the log.")
    static let networks = Key.required(
      "networks", .list(of: Kind<IPNetwork>.network.located, count: 1...100), example: #"["192.168.1.20"]"#,
      "The addresses or networks that it sends from. No address may belong to two devices.")
    static let account = Key.required(
      "account", .accountName, example: #""alice""#, "The account that it acts for, and whose addresses it may use.")
    static let senders = Setting(
      "senders", .list(of: Kind<Configuration.Address>.address.located, count: 0...1000), [], written: "[]",
      "Further addresses that it may send as, in the domains above.")
    static let reach = Setting(
      "reach", Configuration.Device.Reach.inside,
      #"Whom it may write to: "inside" is the domains above only, "outside" is anyone."#)
    static let rate = Setting("rate", number: 1...100_000, 60, "The most messages an hour.")
    static let schema = TableSchema(
      "device", presence: .repeated,
      "Scanners, printers and the like that send without a password, known by their address; one [[device]] for each.",
      keys: [name, networks, account, senders, reach, rate])
  }
}
