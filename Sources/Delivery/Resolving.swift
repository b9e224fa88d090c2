internal import Accounts
internal import Configuration
internal import Logging
internal import MailAuthentication
public import MailFlow
public import Message

extension Delivery {
  public func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
    let configuration = configuration()
    // RFC 3463 §3.4, X.3.5: refusing for good would send back mail that has only come too early.
    if configuration.domains.isEmpty {
      return .refused(Answer(451, "4.3.5", "Nobody has set this mail server up yet, try again later"))
    }
    switch rewriting?.returning(address) ?? .unrelated {
    case .unrelated: break
    case .refused(let why): return .refused(Answer(550, "5.7.1", why))
    case .sender:
      // Whoever may send anything there by it needs only to see one such address.
      guard sender.reversePath == nil || !sender.origin.isFromOutside else {
        return .refused(Answer(550, "5.7.1", "This return address takes notifications only"))
      }
      return .local
    }
    let expansion = expansion(address, configuration, senderIsKnown: !sender.origin.isFromOutside)
    switch expansion.outcome {
    case .elsewhere: return relaying(to: address, for: sender, configuration)
    case .unknown:
      return .refused(Answer(550, "5.1.1", "No such user here"))
    case .nobody:
      return .refused(Answer(550, "5.1.1", "Nobody can be reached at this address"))
    // RFC 5321 §4.5.1: whoever is in trouble with us reaches the postmaster, however full that mailbox is.
    case .one where address.isRole, .many where address.isRole: return .local
    case .one(let end): return await admit([end], size: declaredSize, configuration)
    case .many(let ends): return await admit(ends, size: declaredSize, configuration)
    }
  }

  /// Mail for other servers is taken from known senders only: the house is no open relay.
  private func relaying(
    to address: EmailAddress, for sender: Envelope, _ configuration: Configuration
  ) -> Resolution {
    switch sender.origin {
    case .mx where configuration.isBackup(for: configuration.own(address)): break
    case .mx, .append:
      return .refused(Answer(550, "5.7.1", "Relaying denied: this domain is not ours"))
    case .device:
      let device = configuration.devices.first { $0.name == sender.device }
      guard device?.reach == .outside else {
        return .refused(Answer(550, "5.7.1", "This device may send to addresses of our own only"))
      }
    case .submission, .local, .notification: break
    }
    switch configuration.wayOut(for: address.domainKey, from: sender.reversePath?.description) {
    case nil:
      return .refused(Answer(550, "5.4.4", "No route to this domain: neither a route nor a smart host is configured"))
    case .direct where address.isAddressLiteral && !configuration.relay.addressLiterals:
      return .refused(Answer(550, "5.1.2", "Mail to address literals is not sent from here: write a domain name"))
    case .direct, .hop: break
    }
    return .remote(domain: address.domainKey)
  }

  /// Lets a recipient pass unless every mailbox behind it is full.
  ///
  /// A mailbox that is full now may have room tomorrow (RFC 3463 §3.3, X.2.2), so the sender is asked to come again;
  /// a message larger than the whole quota never fits (X.2.3).
  private func admit(_ ends: [Expansion.End], size: Int?, _ configuration: Configuration) async -> Resolution {
    var refusal: Answer?
    for end in ends {
      guard case .account(let name, _) = end, let account = configuration.account(name) else { return .local }
      guard let full = await quotaRefusal(account, size: size ?? 0) else { return .local }
      refusal = refusal.map { $0.isTransient ? $0 : full } ?? full
    }
    return refusal.map { .refused($0) } ?? .local
  }

  /// Why this account cannot take so many bytes more; `nil` if it can.
  ///
  /// A store that does not answer refuses nobody: the message itself will meet the same trouble and be told so.
  func quotaRefusal(_ account: Configuration.Account, size: Int) async -> Answer? {
    guard let quota = account.quota else { return nil }
    if size > quota {
      return Answer(552, "5.2.3", "The message is larger than the mailbox may ever be")
    }
    do {
      let used = try await usage(account.name)
      let (sum, overflow) = used.addingReportingOverflow(max(size, 1))
      return overflow || sum > quota ? Answer(452, "4.2.2", "The mailbox is full") : nil
    } catch {
      log.warning("quota of \(account.name) could not be read, taken as not reached: \(error)")
      return nil
    }
  }
}

extension Configuration {
  /// An address of an envelope or a header in the form that look-ups compare.
  func own(_ address: EmailAddress) -> Configuration.Address {
    ownForm(of: Configuration.Address(localPart: address.localPart, domain: address.domain))
  }
}

extension EmailAddress {
  /// Postmaster and abuse are always accepted (RFC 5321 §4.5.1).
  var isRole: Bool { ["postmaster", "abuse"].contains(localPart.lowercased()) }
}
