internal import Configuration
internal import MailAuthentication
public import MailFlow
internal import Message
internal import Platform

extension Delivery {
  public func plan(_ message: PlannedMessage) async throws -> Plan {
    plantedTrap(.plan, in: message.deliveredTo.flatMap(\.bytes))
    let configuration = configuration()
    var planning = Planning(message: message, configuration: configuration, delivery: self)
    for index in message.envelope.recipients.indices { planning.add(index) }
    let recipients = await withQuotas(planning.recipients, message, configuration)
    return Plan(recipients: recipients, configurationGeneration: configuration.generation)
  }

  /// Turns full mailboxes into refusals, if that refuses the whole message; otherwise nobody is refused.
  ///
  /// The reply can refuse all recipients or none, and a bounce after 250 is never sent: so a mailbox that became full
  /// between RCPT and the end of data (or whose message is larger than SIZE said) runs over by one message.
  private func withQuotas(
    _ recipients: [PlannedRecipient], _ message: PlannedMessage, _ configuration: Configuration
  ) async -> [PlannedRecipient] {
    guard message.envelope.origin != .notification else { return recipients }
    var refused = recipients
    var isAnyFull = false
    for index in recipients.indices {
      if case .reject = recipients[index].fate { continue }
      if message.envelope.recipients.indices.contains(index), message.envelope.recipients[index].address.isRole {
        continue
      }
      guard let refusal = await quotaRefusal(recipients[index].fate, size: message.size, configuration) else {
        continue
      }
      isAnyFull = true
      refused[index].fate = .reject(refusal)
    }
    guard isAnyFull else { return recipients }
    let isAllRefused = refused.allSatisfy { recipient in
      if case .reject = recipient.fate { true } else { false }
    }
    if isAllRefused { return refused }
    return zip(recipients, refused).map { planned, refused in
      guard case .reject(let answer) = refused.fate, planned.fate != refused.fate else { return planned }
      var noted = planned
      let why = "over quota (\(answer.enhanced)), filed all the same: the reply cannot refuse one recipient of several"
      noted.note = noted.note.map { "\($0); \(why)" } ?? why
      return noted
    }
  }

  /// The refusal of a fate that ends in full mailboxes only.
  private func quotaRefusal(_ fate: Fate, size: Int, _ configuration: Configuration) async -> Answer? {
    switch fate {
    case .deliver(let filing):
      guard let account = configuration.account(filing.account) else { return nil }
      return await quotaRefusal(account, size: size)
    case .merged(let name):
      guard let account = configuration.account(name) else { return nil }
      return await quotaRefusal(account, size: size)
    case .expand(let children):
      var refusal: Answer?
      for child in children {
        guard let full = await quotaRefusal(child.fate, size: size, configuration) else { return nil }
        refusal = refusal.map { $0.isTransient ? $0 : full } ?? full
      }
      return refusal
    case .queue, .quarantine, .hold, .discard, .reject: return nil
    }
  }
}

/// A plan in the making: what the recipients so far have led to.
private struct Planning {
  let message: PlannedMessage
  let configuration: Configuration
  let delivery: Delivery
  var recipients: [PlannedRecipient] = []
  /// Accounts that get a copy already.
  private var accounts: Set<String> = []
  /// Addresses elsewhere that are queued already.
  private var elsewhere: Set<String> = []

  init(message: PlannedMessage, configuration: Configuration, delivery: Delivery) {
    self.message = message
    self.configuration = configuration
    self.delivery = delivery
  }

  mutating func add(_ index: Int) {
    let verdict = index < message.verdicts.count ? message.verdicts[index] : .unknown("no verdict was given")
    let address = message.envelope.recipients[index].address
    switch verdict.action {
    case .quarantine(let reason): recipients.append(PlannedRecipient(.quarantine(reason: reason)))
    case .discard(let reason): recipients.append(PlannedRecipient(.discard(reason: reason)))
    case .reject(let answer): recipients.append(PlannedRecipient(.reject(answer)))
    case .accept: recipients.append(lead(address, tag: nil))
    case .tag(let tag): recipients.append(lead(address, tag: tag))
    }
  }

  private mutating func lead(_ address: EmailAddress, tag: Tag?) -> PlannedRecipient {
    if let fate = returning(address) { return PlannedRecipient(fate) }
    if isLoop(address) {
      return PlannedRecipient(.reject(Answer(554, "5.4.6", "The message has been delivered to this address before")))
    }
    let expansion = delivery.expansion(
      address, configuration, senderIsKnown: !message.envelope.origin.isFromOutside)
    var planned = PlannedRecipient(fate(of: expansion, address, tag), tag: tag)
    if !expansion.path.isEmpty { planned.note = "through \(expansion.path.joined(separator: ", "))" }
    return planned
  }

  /// What becomes of mail for a return address of ours (SRS): a notification about a message that was forwarded goes back to
  /// where that came from. `nil`: it is none.
  private mutating func returning(_ address: EmailAddress) -> Fate? {
    switch delivery.rewriting?.returning(address) ?? .unrelated {
    case .unrelated: return nil
    case .refused(let why): return .reject(Answer(550, "5.7.1", why))
    case .sender(let sender):
      guard message.envelope.reversePath == nil || !message.envelope.origin.isFromOutside else {
        return .reject(Answer(550, "5.7.1", "This return address takes notifications only"))
      }
      // It was somebody else's when the message was forwarded; the domain may be ours by now.
      if configuration.isLocal(domain: sender.domain) {
        let expansion = delivery.expansion(sender, configuration, senderIsKnown: true)
        return fate(of: expansion, sender, nil)
      }
      return .expand([Child(address: sender, fate: .queue(destination: sender.domainKey), through: address)])
    }
  }

  private mutating func fate(of expansion: Expansion, _ address: EmailAddress, _ tag: Tag?) -> Fate {
    switch expansion.outcome {
    case .unknown: return .reject(Answer(550, "5.1.1", "No such user here"))
    case .nobody(let why): return .reject(Answer(550, "5.1.1", "Nobody can be reached at this address: \(why)"))
    case .elsewhere:
      guard mayLeave || isKeptForOthers(address) else {
        return .reject(Answer(550, "5.7.1", "Relaying denied: this domain is not ours"))
      }
      guard elsewhere.insert(key(address)).inserted else {
        return .discard(reason: "the same address is a recipient of this message already")
      }
      return .queue(destination: address.domainKey)
    case .one(.account(let name, let reached)):
      guard accounts.insert(name).inserted else { return .merged(account: name) }
      return .deliver(filing(name, reached, address, tag))
    case .one(let end): return .expand(child(end, address, tag).map { [$0] } ?? [])
    case .many(let ends): return .expand(ends.compactMap { child($0, address, tag) })
    }
  }

  /// A member's part; `nil` for one that gets the message already.
  private mutating func child(_ end: Expansion.End, _ group: EmailAddress, _ tag: Tag?) -> Child? {
    switch end {
    case .account(let name, let reached):
      guard accounts.insert(name).inserted else { return nil }
      let filing = filing(name, reached, group, tag)
      return Child(address: ownAddress(of: name) ?? filing.deliveredTo, fate: .deliver(filing), through: group)
    case .outside(let member):
      guard let address = EmailAddress(localPart: member.localPart, domain: member.domain),
        elsewhere.insert(key(address)).inserted
      else { return nil }
      return Child(address: address, fate: .queue(destination: address.domainKey), through: group)
    }
  }

  private func filing(_ account: String, _ reached: Configuration.Address, _ asked: EmailAddress, _ tag: Tag?) -> Filing
  {
    Filing(
      account: account, folder: tag?.isJunk == true ? .junk : .inbox,
      deliveredTo: EmailAddress(localPart: reached.localPart, domain: reached.domain) ?? asked)
  }

  private func ownAddress(of account: String) -> EmailAddress? {
    configuration.account(account)?.addresses.first.flatMap {
      EmailAddress(localPart: $0.localPart, domain: $0.domain)
    }
  }

  /// Whether this message was here before: it carries a Delivered-To that we would write. Only mail from other servers
  /// can loop; our own people may send a message again that they have received.
  private func isLoop(_ address: EmailAddress) -> Bool {
    guard message.envelope.origin == .mx else { return false }
    let ours = configuration.own(address).key
    return message.deliveredTo.contains { configuration.own($0).key == ours }
  }

  private var mayLeave: Bool {
    switch message.envelope.origin {
    case .submission, .local, .notification: true
    case .device:
      configuration.devices.first { $0.name == message.envelope.device }?.reach == .outside
    case .mx, .append: false
    }
  }

  /// We are a backup MX for it.
  private func isKeptForOthers(_ address: EmailAddress) -> Bool {
    message.envelope.origin == .mx && configuration.isBackup(for: configuration.own(address))
  }

  private func key(_ address: EmailAddress) -> String { "\(address.localPart)@\(address.domainKey)" }
}
