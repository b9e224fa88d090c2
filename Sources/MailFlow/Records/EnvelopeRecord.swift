internal import Message
internal import Platform
public import Store

/// Between an ``Envelope`` and its row in the store.
extension Envelope {
  private enum Option {
    static let tls: UInt8 = 1
    static let protocolName: UInt8 = 2
    static let envelopeID: UInt8 = 3
    static let returnContent: UInt8 = 4
    static let smtputf8: UInt8 = 5
    static let eightBitMIME: UInt8 = 6
    static let listener: UInt8 = 7
    static let device: UInt8 = 8
    static let fingerprint: UInt8 = 9
    static let transport: UInt8 = 10
    static let senderProven: UInt8 = 20
  }

  /// The columns that the store does not understand.
  func options(fingerprint: Fingerprint?) -> [UInt8] {
    var fields = Fields()
    fields.add(Option.tls, tls)
    fields.add(Option.protocolName, protocolName)
    fields.add(Option.envelopeID, envelopeID)
    fields.add(Option.returnContent, returnContent.map { Int64($0.rawValue) })
    fields.add(Option.smtputf8, smtputf8)
    fields.add(Option.eightBitMIME, eightBitMIME)
    fields.add(Option.listener, listener)
    fields.add(Option.device, device)
    fields.add(Option.transport, transport == .standard ? nil : Int64(transport.rawValue))
    fields.add(Option.senderProven, isSenderProven)
    if let fingerprint { fields.add(Option.fingerprint, fingerprint.bytes) }
    return fields.bytes
  }

  static func fingerprint(in options: [UInt8]) -> [UInt8]? { Fields.Reader(options).bytes(Option.fingerprint) }

  static func transport(in options: [UInt8]) -> TransportWish {
    Fields.Reader(options).integer(Option.transport).flatMap { TransportWish(rawValue: Int(clamping: $0)) } ?? .standard
  }

  /// The envelope of a row, without its recipients.
  public init(_ row: StoredEnvelope) {
    let fields = Fields.Reader(row.options)
    self.init(
      origin: Origin.allCases.first { $0.name == row.origin } ?? .mx,
      reversePath: row.sender.flatMap { EmailAddress($0) }, recipients: [],
      peer: Peer(address: row.peer.flatMap { IPAddress($0) }, helo: row.helo ?? ""), account: row.account,
      device: fields.text(Option.device), tls: fields.text(Option.tls),
      protocolName: fields.text(Option.protocolName) ?? "SMTP", envelopeID: fields.text(Option.envelopeID),
      returnContent: fields.integer(Option.returnContent).flatMap { ReturnContent(rawValue: Int(clamping: $0)) },
      smtputf8: fields.flag(Option.smtputf8), eightBitMIME: fields.flag(Option.eightBitMIME),
      listener: fields.text(Option.listener) ?? "", receivedAt: row.at)
    transport = Self.transport(in: row.options)
    isSenderProven = fields.flag(Option.senderProven)
  }
}
