internal import Accounts
internal import Configuration
internal import Message

extension Configuration {
  /// Whose mailbox an address means, by whose wishes and lessons its mail is judged: the account that it belongs to, or that
  /// takes what is for nobody. An alias, a group, and what is not ours are nobody's own.
  func account(of address: EmailAddress) -> Account? {
    let own = ownForm(of: Address(localPart: address.localPart, domain: address.domain))
    switch Directory(self).find(own) {
    case .account(let account, _): return account
    case .catchAll(.account(let name)): return account(name)
    case .catchAll, .alias, .group, .unknown, .elsewhere: return nil
    }
  }
}
