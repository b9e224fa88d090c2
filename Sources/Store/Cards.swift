/// What mail programs list of a message: its card.
///
/// Cards of a mailbox lie side by side; what they are made from lies where each message happened to arrive. Ten thousand
/// messages among a million are listed from a few hundred pages instead of ten thousand. Cards are derived: they are
/// written late and in bulk, when somebody lists messages that have none, and a message without one is read from its
/// content. Texts that are long, or missing here, are read from there too.
public struct Card: Sendable {
  public var uid: UID
  /// See ``NewContent/facts``.
  public var facts: Int64
  public var envelope: [UInt8]
  public var bodyStructure: [UInt8]
  /// Header fields of the copy and of the content; which ones is the caller's choice, always the same.
  public var fields: [UInt8]

  /// The longest text that a card takes up, in bytes: several cards fit on a page.
  public static let textLimit = 1500

  public init(uid: UID, facts: Int64, envelope: [UInt8], bodyStructure: [UInt8], fields: [UInt8]) {
    self.uid = uid
    self.facts = facts
    self.envelope = envelope
    self.bodyStructure = bodyStructure
    self.fields = fields
  }

  /// A row's key: mailbox and UID. `nil` for a mailbox whose id leaves no room for one.
  static func key(_ mailbox: MailboxID, _ uid: UID) -> Int64? {
    mailbox.value < 1 << 31 ? mailbox.value << 32 | Int64(uid) : nil
  }
}

extension FetchColumns {
  /// What a card has.
  static let card: FetchColumns = [.envelope, .bodyStructure, .listedFields]
}

extension Transaction {
  /// Files cards. Those of messages that are gone are left out.
  public mutating func insert(_ cards: [Card], of mailbox: MailboxID) throws {
    func short(_ text: [UInt8]) -> Value { text.count > Card.textLimit ? .null : .sparse(text) }
    for card in cards {
      guard let key = Card.key(mailbox, card.uid) else { return }
      try database.run(
        """
        INSERT OR IGNORE INTO card SELECT ?1, ?2, ?3, ?4, ?5
        WHERE EXISTS (SELECT 1 FROM entry WHERE mailbox = ?6 AND uid = ?7)
        """, .int(key), .int(card.facts), short(card.envelope), short(card.bodyStructure), short(card.fields),
        .id(mailbox), .int(card.uid))
    }
  }
}
