public import Configuration

/// Looks addresses and names up in one configuration.
///
/// The room `Accounts` says who people are: which account an address belongs to (``Directory``), whether a password is
/// theirs (``Authenticator``, with the SASL mechanisms as pure machines under it), and how slowly strangers may guess.
/// Accounts and addresses exist in the configuration only; password verifiers and the places of earlier logins are in
/// the store (``SecretStore``).
public struct Directory: Sendable {
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// What an address of ours leads to.
  public enum Found: Sendable {
    /// An account's own address; `detail` is the sub-address behind the separator.
    case account(Configuration.Account, detail: String?)
    case alias(Configuration.Alias)
    case group(Configuration.Group)
    /// Nobody's address in a domain that takes such mail.
    case catchAll(Configuration.Member)
    /// Nobody's address.
    case unknown
    /// The domain is not ours.
    case elsewhere
  }

  /// Looks up a recipient. Tried in this order: the address as it is written in the file, the address without its
  /// sub-address, `postmaster` and `abuse`, the domain's catch-all.
  public func find(_ address: Configuration.Address) -> Found {
    guard let domain = configuration.domain(address.domain) else { return .elsewhere }
    if let exact = found(address, detail: nil) { return exact }
    if let (base, detail) = configuration.splitSubaddress(address), let found = found(base, detail: detail) {
      return found
    }
    let local = address.localPart.lowercased()
    // A domain may be the host's own name; its root is as in ``Configuration/Configuration/ownForm(of:)``.
    if local == "root", configuration.isHostItself(domain.name), let account = postmaster {
      return .account(account, detail: nil)
    }
    if local == "postmaster" || local == "abuse", let account = postmaster { return .account(account, detail: nil) }
    if let catchAll = domain.catchAll { return .catchAll(catchAll) }
    return .unknown
  }

  /// The account for `postmaster` without a domain (RFC 5321 §4.5.1).
  public var postmaster: Configuration.Account? { configuration.account(configuration.postmaster) }

  /// The account of a login name: its name, or one of its addresses as the file has them.
  public func account(login: String) -> Configuration.Account? {
    if let account = configuration.account(login) { return account }
    guard let address = Configuration.Address(login),
      case .account(let account)? = configuration.destination(of: address)
    else { return nil }
    return account
  }

  /// Whether an account may send as this address: an address of its own, a sub-address of one, or an alias that names
  /// it among its targets. A group's address is nobody's own.
  public func account(_ name: String, maySendAs address: Configuration.Address) -> Bool {
    guard let account = configuration.account(name) else { return false }
    switch find(address) {
    case .account(let owner, _): return owner.name == account.name
    case .alias(let alias): return alias.targets.contains(.account(account.name))
    case .group, .catchAll, .unknown, .elsewhere: return false
    }
  }

  private func found(_ address: Configuration.Address, detail: String?) -> Found? {
    switch configuration.destination(of: address) {
    case .account(let account): .account(account, detail: detail)
    case .alias(let alias): .alias(alias)
    case .group(let group): .group(group)
    case nil: nil
    }
  }
}
