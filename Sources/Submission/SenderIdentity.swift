internal import Accounts
internal import Configuration
internal import MailFlow
internal import Message
internal import Reception

/// The addresses that a session may send as: those of its account, and for a device its configured senders.
struct SenderIdentity {
  private let directory: Directory
  private let account: String?
  private let further: [Configuration.Address]
  /// Root's programs speak for the whole machine, and root can do anything there anyway.
  private let isRoot: Bool

  init(_ session: ReceptionSession) {
    directory = Directory(session.configuration)
    account = session.account
    let device = session.isAuthenticated ? nil : session.device
    let senders = session.configuration.devices.first { $0.name == device }?.senders ?? []
    further = senders + Self.address(ofUser: session.localUser, account: session.account, directory)
    isRoot = session.localUser == "root"
  }

  /// NAME@hostname of a user of this machine, unless that is somebody else's address.
  private static func address(
    ofUser user: String?, account: String?, _ directory: Directory
  ) -> [Configuration.Address] {
    guard let user else { return [] }
    let address = Configuration.Address(localPart: user, domain: directory.configuration.hostname)
    switch directory.find(address) {
    case .account(let owner, _): return owner.name == account || user == "root" ? [address] : []
    case .alias, .group: return user == "root" ? [address] : []
    case .catchAll, .unknown, .elsewhere: return [address]
    }
  }

  /// The address that stands for the account where a message names none.
  var own: EmailAddress? {
    let address = account.flatMap { directory.configuration.account($0)?.addresses.first } ?? further.first
    return address.flatMap { EmailAddress(localPart: $0.localPart, domain: $0.domain) }
  }

  func owns(_ address: EmailAddress) -> Bool {
    let asked = Configuration.Address(localPart: address.localPart, domain: address.domain)
    if isRoot || further.contains(asked) { return true }
    return account.map { directory.account($0, maySendAs: asked) } ?? false
  }

  /// Why this address may not be used; `nil` if it may.
  func refusal(of address: EmailAddress, in place: String) -> Answer? {
    guard !owns(address) else { return nil }
    return Answer(550, "5.7.1", "\(place): not an address of yours; you may send as \(allowed)")
  }

  /// Looks at the fields that tell a reader whom a message is from (RFC 5322 §3.6.2).
  ///
  /// More than one of either is refused: programs do not agree which they show.
  func refusal(of header: HeaderSection) -> Answer? {
    for name in ["From", "Sender"] {
      let count = header.count(of: name)
      guard count <= 1 else { return Answer(550, "5.7.1", "The message has \(count) \(name) fields; one is allowed") }
      guard count == 1 else { continue }
      let mailboxes = header.mailboxes(name)
      guard !mailboxes.isEmpty else {
        return Answer(550, "5.7.1", "The \(name) field has no address; you may send as \(allowed)")
      }
      for mailbox in mailboxes {
        guard let address = mailbox.address else {
          return Answer(550, "5.7.1", "The \(name) field has an address that is not well formed")
        }
        if let refusal = refusal(of: address, in: "The \(name) field") { return refusal }
      }
    }
    return nil
  }

  /// The allowed addresses in words; a long list is cut.
  private var allowed: String {
    let own = account.flatMap { directory.configuration.account($0)?.addresses } ?? []
    let all = (own + further).map(\.description).filter { $0.utf8.allSatisfy { (33...126).contains($0) } }
    guard !all.isEmpty else { return "nobody" }
    return all.prefix(5).joined(separator: ", ") + (all.count > 5 ? " and \(all.count - 5) others" : "")
  }
}
