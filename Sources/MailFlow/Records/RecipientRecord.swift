/// What a recipient's row carries besides the columns that the store understands.
struct RecipientOptions: Sendable, Hashable {
  var notify: NotifyRequest?
  var original: OriginalRecipient?
  /// The number of the recipient whose expansion made this one.
  var parent: Int?
  /// The address of ours through which this one was reached; Delivered-To of the copy.
  var deliveredTo: String?
  /// The account whose mailbox has the copy.
  var account: String?
  /// A notification of delay went out: one is enough.
  var isDelayTold = false
  /// An administrator held it; the state's reason is in the row's last words.
  var wasHeldByHand = false

  private enum Option {
    static let notify: UInt8 = 1
    static let originalType: UInt8 = 2
    static let originalAddress: UInt8 = 3
    static let parent: UInt8 = 4
    static let deliveredTo: UInt8 = 5
    static let account: UInt8 = 6
    static let isDelayTold: UInt8 = 7
    static let wasHeldByHand: UInt8 = 8
  }

  init() {}

  var bytes: [UInt8] {
    var fields = Fields()
    fields.add(Option.notify, notify.map { Int64($0.rawValue) })
    fields.add(Option.originalType, original?.type)
    fields.add(Option.originalAddress, original?.address)
    fields.add(Option.parent, parent.map(Int64.init))
    fields.add(Option.deliveredTo, deliveredTo)
    fields.add(Option.account, account)
    fields.add(Option.isDelayTold, isDelayTold)
    fields.add(Option.wasHeldByHand, wasHeldByHand)
    return fields.bytes
  }

  init(_ bytes: [UInt8]) {
    let fields = Fields.Reader(bytes)
    notify = fields.integer(Option.notify).map { NotifyRequest(rawValue: Int(clamping: $0)) }
    if let type = fields.text(Option.originalType), let address = fields.text(Option.originalAddress) {
      original = OriginalRecipient(type: type, address: address)
    }
    parent = fields.integer(Option.parent).map { Int(clamping: $0) }
    deliveredTo = fields.text(Option.deliveredTo)
    account = fields.text(Option.account)
    isDelayTold = fields.flag(Option.isDelayTold)
    wasHeldByHand = fields.flag(Option.wasHeldByHand)
  }
}
