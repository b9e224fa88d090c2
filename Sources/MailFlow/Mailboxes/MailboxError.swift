/// Why a mailbox operation was refused, besides what the store itself throws.
public enum MailboxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The account's quota does not allow it (RFC 9208 §4.3.1: OVERQUOTA).
  case overQuota(account: String)
  /// The mailbox does not exist or belongs to somebody else.
  case noSuchMailbox(String)
  /// INBOX can be neither made nor deleted (RFC 9051 §6.3.4, §6.3.5).
  case inboxStays
  /// Empty, too long, or with characters or levels that no name has.
  case badName(String)

  public var description: String {
    switch self {
    case .overQuota(let account): "the quota of \(account) does not allow it: delete some mail first"
    case .noSuchMailbox(let name): "there is no mailbox \(name)"
    case .inboxStays: "INBOX is always there: it can be neither made nor deleted"
    case .badName(let why): "this cannot be the name of a mailbox: \(why)"
    }
  }
}
