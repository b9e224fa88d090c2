/// The wire of sendmail's mail filters: a length of four octets, a command or reply of one, its data.
enum MilterPacket {
  /// Data of a reply that are taken, in octets.
  static let limit = 1 << 20
  /// Octets of a body in one packet.
  static let bodyLimit = 65_535

  static func encode(_ command: Character, _ data: [UInt8] = []) -> [UInt8] {
    number(UInt32(data.count + 1)) + [command.asciiValue ?? 0] + data
  }

  static func number(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
  }

  static func number(_ bytes: some Sequence<UInt8>) -> UInt32 { bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }

  /// Texts, each ended by NUL; NULs in them are left out.
  static func texts(_ values: [some Sequence<UInt8>]) -> [UInt8] { values.flatMap { $0.filter { $0 != 0 } + [0] } }
}

/// What a filter may leave out, and what it may change (libmilter's `SMFIP_` and `SMFIF_` values).
struct MilterOptions: Equatable, Sendable {
  struct Steps: OptionSet, Sendable {
    let rawValue: UInt32
    static let noConnect = Steps(rawValue: 0x1)
    static let noHelo = Steps(rawValue: 0x2)
    static let noMail = Steps(rawValue: 0x4)
    static let noRecipients = Steps(rawValue: 0x8)
    static let noBody = Steps(rawValue: 0x10)
    static let noHeaders = Steps(rawValue: 0x20)
    static let noEndOfHeaders = Steps(rawValue: 0x40)
    static let silentHeaders = Steps(rawValue: 0x80)
    static let noData = Steps(rawValue: 0x200)
    static let silentConnect = Steps(rawValue: 0x1000)
    static let silentHelo = Steps(rawValue: 0x2000)
    static let silentMail = Steps(rawValue: 0x4000)
    static let silentRecipients = Steps(rawValue: 0x8000)
    static let silentData = Steps(rawValue: 0x10000)
    static let silentEndOfHeaders = Steps(rawValue: 0x40000)
    static let silentBody = Steps(rawValue: 0x80000)

    /// All of the above, leaving out unknown commands (0x100), and answering a part of the body with "skip" (0x400).
    static let offered = Steps(rawValue: 0xF_F7FF)
  }

  static let version: UInt32 = 6
  /// Add and change header fields, quarantine.
  static let actions: UInt32 = 0x1 | 0x10 | 0x20

  var steps: Steps

  /// Our side's first packet.
  static let offer = MilterPacket.encode(
    "O", MilterPacket.number(version) + MilterPacket.number(actions) + MilterPacket.number(Steps.offered.rawValue))

  /// - Throws: what is wrong with a filter's answer to the offer.
  init(_ data: [UInt8]) throws(HelperFailure) {
    guard data.count >= 12 else { throw HelperFailure(description: "it does not speak the milter protocol") }
    let version = MilterPacket.number(data)
    guard (2...Self.version).contains(version) else {
      throw HelperFailure(description: "it speaks version \(version) of the milter protocol")
    }
    steps = Steps(rawValue: MilterPacket.number(data[8...])).intersection(.offered)
  }

  init(steps: Steps) { self.steps = steps }
}

/// One reply of a filter.
enum MilterReply: Equatable, Sendable {
  case `continue`, accept, reject, temporaryFailure, discard, skip, progress
  /// An SMTP reply of its own.
  case code(Int, status: String, text: String)
  case addField(name: String, value: String)
  case changeField(name: String, number: Int, value: String)
  case insertField(name: String, value: String)
  case quarantine(String)
  /// A change that is not made, in words.
  case refused(String)
  case unknown(UInt8)

  /// Reads a packet without its length. Total.
  init(_ code: UInt8, _ data: [UInt8]) {
    let texts = data.split(separator: 0, omittingEmptySubsequences: false)
    func text(_ index: Int, _ from: [ArraySlice<UInt8>]) -> String {
      index < from.count ? String(decoding: from[index], as: UTF8.self) : ""
    }
    let behind = data.count > 4 ? data[4...].split(separator: 0, omittingEmptySubsequences: false) : []
    switch Character(Unicode.Scalar(code)) {
    case "c": self = .continue
    case "a": self = .accept
    case "r": self = .reject
    case "t": self = .temporaryFailure
    case "d": self = .discard
    case "s": self = .skip
    case "p": self = .progress
    case "y": self = Self.reply(text(0, texts))
    case "h": self = .addField(name: text(0, texts), value: text(1, texts))
    case "m":
      self = .changeField(
        name: text(0, behind), number: Int(max(MilterPacket.number(data), 1)), value: text(1, behind))
    case "i": self = .insertField(name: text(0, behind), value: text(1, behind))
    case "q": self = .quarantine(text(0, texts))
    case "b": self = .refused("replace the body")
    case "+", "2": self = .refused("add a recipient")
    case "-": self = .refused("remove a recipient")
    case "e": self = .refused("change the sender")
    case "f", "4": self = .temporaryFailure
    default: self = .unknown(code)
    }
  }

  /// `550 5.7.1 words`, perhaps in several lines; without an enhanced status one of its class is put in.
  private static func reply(_ text: String) -> MilterReply {
    let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    guard let code = Int(line.prefix(3)), (400...599).contains(code) else { return .temporaryFailure }
    let words = line.dropFirst(3).drop { $0 == " " || $0 == "-" }
    let first = words.prefix { $0 != " " }
    let parts = first.split(separator: ".", omittingEmptySubsequences: false)
    let isStatus =
      parts.count == 3 && parts[0] == "\(code / 100)"
      && parts.allSatisfy { !$0.isEmpty && $0.count <= 3 && $0.utf8.allSatisfy { $0 &- 48 < 10 } }
    let rest = isStatus ? words.dropFirst(first.count).drop { $0 == " " } : words
    return .code(code, status: isStatus ? String(first) : "\(code / 100).7.1", text: String(rest))
  }

  /// Whether the filter goes on after it, so that another packet follows before the answer.
  var isModification: Bool {
    switch self {
    case .addField, .changeField, .insertField, .quarantine, .refused, .progress: true
    default: false
    }
  }
}
