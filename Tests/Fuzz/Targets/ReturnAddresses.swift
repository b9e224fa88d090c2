import Message
import Platform

@testable import MailAuthentication

extension FuzzTarget {
  /// Return addresses of the Sender Rewriting Scheme, as strangers write them into RCPT, and senders that are forwarded.
  static let returnAddresses = FuzzTarget(
    "return-addresses",
    covers: ["MailAuthentication/SRS/SRSAddress.swift", "MailAuthentication/SRS/SenderRewriting.swift"],
    words: [
      "SRS0=", "SRS1=", "srs0+", "SRS1-", "=", "==", "AAAAAAAA", "AAAAAAAA=BQ=", "far.example=", "one.example==",
      "=anna",
      "@far.example", "@one.example", "\"", "\\", ".", "+", "-", "ü",
    ],
    seeds: [
      "SRS0=AAAAAAAA=BQ=far.example=anna", "SRS1=AAAAAAAA=one.example==HHH=TT=far.example=anna",
      "SRS0+AAAA=BQ=far.example=a=b", "anna@far.example", "SRS0=HHH=TT=far.example=anna@one.example",
      "SRS1=HHH=one.example==HHH=TT=far.example=anna@two.example", "\"odd one\"@far.example",
    ]
  ) { bytes in
    let now = Moment(seconds: 1_800_000_000)
    let host = SenderRewriting(
      domain: { "our.example" }, clock: Clock { now },
      keys: [SRSKey(made: now, secret: Array(repeating: 7, count: 32)), SRSKey(made: now, secret: [1, 2, 3])])
    let text = String(decoding: bytes, as: UTF8.self)
    if let parsed = SRSAddress(localPart: text) {
      try require(
        SRSAddress(localPart: parsed.localPart) == parsed, "\(text) is another when it is written and read again")
      try Planted.bug(where: parsed.localPart.hasPrefix("SRS1=") && parsed.localPart.hasSuffix("+anna"))
    }
    if let address = EmailAddress(localPart: text, domain: "our.example") {
      // No fuzzer finds a hash of 40 bits; whatever is given out as good must have been made here.
      if case .sender(let sender) = host.returning(address) {
        try require(host.rewritten(sender)?.localPart.lowercased() == text.lowercased(), "\(text) was never made here")
      }
    }
    guard let sender = EmailAddress(bytes: bytes), let rewritten = host.rewritten(sender) else { return }
    switch (host.returning(rewritten), SRSAddress(localPart: sender.localPart)) {
    case (.sender(let back), .again(_, let first, let opaque)?)
    where EmailAddress(localPart: "SRS0" + opaque, domain: first) != nil:
      try require(back == EmailAddress(localPart: "SRS0" + opaque, domain: first), "\(rewritten) goes back to \(back)")
    case (.sender(let back), _):
      // The case of the tag is of no meaning.
      let same =
        back == sender
        || SRSAddress.isMeant(sender.localPart) && back.domainKey == sender.domainKey
          && back.localPart.dropFirst(4) == sender.localPart.dropFirst(4)
      try require(same, "\(rewritten) goes back to \(back), not to \(sender)")
    case (let other, _): try require(false, "\(rewritten) does not come back: \(other)")
    }
  }
}
