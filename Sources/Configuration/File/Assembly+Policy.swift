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
