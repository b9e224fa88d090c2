internal import Store

/// The folders that every account has: made together with the inbox when the house first sees the account.
enum SpecialFolders {
  static let inbox = "INBOX"

  /// Names as most mail programs know them, and their uses (RFC 6154 §2).
  static let all: [(name: String, use: SpecialUse)] = [
    ("Drafts", .drafts), ("Sent", .sent), ("Junk", .junk), ("Trash", .trash), ("Archive", .archive),
  ]

  /// The inbox; with it all the others if it was not there yet.
  static func inbox(of account: String, in transaction: inout Transaction) throws -> Mailbox {
    if let inbox = try transaction.mailbox(account: account, name: inbox) { return inbox }
    let made = try transaction.createMailbox(account: account, name: inbox)
    try transaction.subscribe(account: account, name: inbox)
    for (name, use) in all where try transaction.mailbox(account: account, name: name) == nil {
      _ = try transaction.createMailbox(account: account, name: name, specialUse: use)
      try transaction.subscribe(account: account, name: name)
    }
    return made
  }

  /// The mailbox that a plan means, and whether it had to be the inbox because the wanted one is not there.
  static func mailbox(
    _ folder: Folder, of account: String, in transaction: inout Transaction
  ) throws -> (mailbox: Mailbox, isFallback: Bool) {
    let inbox = try inbox(of: account, in: &transaction)
    switch folder {
    case .inbox: return (inbox, false)
    case .named(let name):
      if let mailbox = try transaction.mailbox(account: account, name: name) { return (mailbox, false) }
      return (inbox, true)
    case .junk, .sent, .drafts, .trash, .archive:
      guard let use = folder.specialUse else { return (inbox, true) }
      return (try special(use, of: account, in: &transaction), false)
    }
  }

  /// The folder of a special use, made again if the user has deleted it.
  private static func special(
    _ use: SpecialUse, of account: String, in transaction: inout Transaction
  ) throws -> Mailbox {
    if let mailbox = try transaction.mailbox(account: account, specialUse: use) { return mailbox }
    let name = all.first { $0.use == use }?.name ?? use.rawValue
    if let mailbox = try transaction.mailbox(account: account, name: name) { return mailbox }
    let made = try transaction.createMailbox(account: account, name: name, specialUse: use)
    try transaction.subscribe(account: account, name: name)
    return made
  }
}

extension Folder {
  fileprivate var specialUse: SpecialUse? {
    switch self {
    case .junk: .junk
    case .sent: .sent
    case .drafts: .drafts
    case .trash: .trash
    case .archive: .archive
    case .inbox, .named: nil
    }
  }
}
