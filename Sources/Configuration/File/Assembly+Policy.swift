import Platform

extension Assembly {
  func rules() -> [Configuration.Rule] {
    typealias Keys = Schema.RuleTable
    var names: [String: Int] = [:]
    return root.tables(Keys.schema).compactMap { section in
      let conditions: [any SchemaKey] = [
        Keys.direction, Keys.sender, Keys.recipient, Keys.headers, Keys.largerThan, Keys.attachmentName,
        Keys.attachmentType,
      ]
      let (name, action, text) = (section.read(Keys.name), section.read(Keys.action), section.read(Keys.text))
      let rule = Configuration.Rule(
        name: name ?? "", directions: section.read(Keys.direction), senders: section.read(Keys.sender),
        recipients: section.read(Keys.recipient), headers: section.read(Keys.headers),
        largerThan: section.read(Keys.largerThan), attachmentNames: section.read(Keys.attachmentName),
        attachmentTypes: section.read(Keys.attachmentType), action: action ?? .quarantine,
        text: text ?? (action == .reject ? "The rules of this site do not allow this message" : ""))
      if let earlier = name.flatMap({ names.updateValue(section.line, forKey: $0) }) {
        findings.error(
          section.line(of: Keys.name), "there is a rule \"\(name ?? "")\" already (line \(earlier))",
          "write another name")
      }
      let written = conditions.contains { section.has(named: $0.name) }
      if written, !rule.hasCondition, action != nil {
        findings.error(
          section.line, "every condition of this rule is empty, so it would hold for every message",
          "write at least one of \(conditions.map(\.name).joined(separator: ", ")) with something in it")
      } else if !written {
        findings.error(
          section.line, "this rule has no condition, so it would hold for every message",
          "write at least one of \(conditions.map(\.name).joined(separator: ", "))")
      }
      checkText(of: rule, action, section)
      return rule
    }
  }

  private func checkText(of rule: Configuration.Rule, _ action: Configuration.Rule.Action?, _ section: Section) {
    let line = section.line(of: Schema.RuleTable.text)
    switch action {
    case .tag where rule.text.isEmpty && !section.has(Schema.RuleTable.text):
      findings.error(line, "this rule tags messages with nothing", "write text = \"[tag] \"")
    case .reject where !rule.text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) || rule.text.utf8.count > 300:
      // RFC 5321 §4.2: the text of a reply is ASCII.
      findings.error(line, "the text of a rejection cannot be sent as it is", "write at most 300 characters of ASCII")
    default: break
    }
  }

  func routes(_ people: People) -> [Configuration.Route] {
    typealias Keys = Schema.RouteTable
    var seen: [String: Int] = [:]
    return root.tables(Keys.schema).compactMap { section in
      let domains = section.read(Keys.domains) ?? []
      for domain in domains {
        if people.isLocal(domain.value) {
          findings.error(
            domain.line, "there is a route for \(domain.value), whose mail ends here", "remove it, or the [[domain]]")
        }
        if let earlier = seen.updateValue(domain.line, forKey: domain.value) {
          findings.error(
            domain.line, "there is a route for \(domain.value) already (line \(earlier))", "remove one of the two")
        }
      }
      guard let next = nextHop(section, host: Keys.host, tls: Schema.NextHopKeys.tls, port: 25) else { return nil }
      return Configuration.Route(domains: domains.map(\.value), nextHop: next)
    }
  }

  func smartHost() -> Configuration.NextHop? {
    typealias Keys = Schema.SmartHostTable
    guard root.has(Keys.schema) else { return nil }
    return nextHop(root.table(Keys.schema), host: Keys.host, tls: Schema.NextHopKeys.smartHostTLS, port: 587)
  }

  private func nextHop(
    _ section: Section, host: Key<HostPort>, tls: Setting<Configuration.NextHop.TLSMode>, port: Int
  ) -> Configuration.NextHop? {
    typealias Keys = Schema.NextHopKeys
    let mode = section.read(tls)
    let (user, file) = (section.read(Keys.user), section.read(Keys.passwordFile))
    guard let place = section.read(host) else { return nil }
    switch (section.has(Keys.user), section.has(Keys.passwordFile)) {
    case (true, false):
      findings.error(
        section.line(of: Keys.user), "a user without a password", "write password-file = \(Keys.passwordFile.example)")
    case (false, true):
      findings.error(
        section.line(of: Keys.passwordFile), "a password without a user", "write user = \(Keys.user.example)")
    default: break
    }
    let isLoopback = IPAddress(place.host)?.isLoopback ?? false
    if section.has(Keys.user), mode != .verified, mode != .implicit, !isLoopback {
      findings.error(
        section.line(of: Keys.user), "the password would be given to whoever answers as \(place.host)",
        "write tls = \"verified\" or tls = \"implicit\"")
    }
    return Configuration.NextHop(
      address: HostPort(host: place.host, port: place.port > 0 ? place.port : mode == .implicit ? 465 : port),
      tls: mode, user: user, passwordFile: file)
  }

  func queue() -> Configuration.Queue {
    typealias Keys = Schema.QueueTable
    let table = root.table(Keys.schema)
    let queue = Configuration.Queue(
      retry: table.read(Keys.retry), giveUpAfter: table.read(Keys.giveUpAfter),
      delayNoticeAfter: table.read(Keys.delayNoticeAfter), connections: table.read(Keys.connections),
      connectionsPerDestination: table.read(Keys.connectionsPerDestination))
    if queue.delayNoticeAfter >= queue.giveUpAfter {
      findings.warning(
        table.line(of: Keys.delayNoticeAfter), "nobody will ever be told of a delay",
        "write a delay-notice-after that is shorter than give-up-after (\(Quantity.duration(queue.giveUpAfter)))")
    }
    return queue
  }
}

extension Configuration.Rule {
  var hasCondition: Bool {
    !directions.isEmpty || !senders.isEmpty || !recipients.isEmpty || !headers.isEmpty || largerThan != nil
      || !attachmentNames.isEmpty || !attachmentTypes.isEmpty
  }
}
