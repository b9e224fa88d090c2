internal import SMTP

/// What an attempt came to for one recipient.
enum Outcome: Hashable, Sendable {
  /// The next server took it over.
  case relayed(Word)
  /// Refused for good.
  case failed(Word)
  /// Not now; try again later.
  case deferred(Word)
  /// The connection broke after the final dot was sent and before the reply came: the next server may have the
  /// message, or not. It stays in the queue; a second copy is better than none (RFC 5321 §4.5.3.2.6, RFC 1047).
  case uncertain(Word)

  var word: Word {
    switch self {
    case .relayed(let word), .failed(let word), .deferred(let word), .uncertain(let word): word
    }
  }
}

/// What was said about a recipient, and by whom.
struct Word: Hashable, Sendable {
  /// Class, subject and detail for notifications (RFC 3463).
  var status: EnhancedCode
  /// One line for the trace: the other side's reply, or our own sentence.
  var text: String
  /// Whether `text` is the other side's: a notification then quotes it as its diagnostic.
  var isRemote: Bool

  /// A reply. Its enhanced code counts only if its class is the reply's (RFC 2034 §4).
  init(_ reply: Reply) {
    let category = reply.code / 100
    status = reply.enhanced.flatMap { $0.category == category ? $0 : nil } ?? EnhancedCode(category, 0, 0)
    text = reply.description
    isRemote = true
  }

  init(_ status: EnhancedCode, _ sentence: String) {
    self.status = status
    text = sentence
    isRemote = false
  }
}

/// Turns replies into outcomes. Pure: the one place where it is decided what a reply means.
enum Judgement {
  /// The reply to MAIL, which speaks for all recipients. `nil`: go on.
  ///
  /// A 5yz here concerns this message only and must not be remembered for others (RFC 5321 §4.5.4.1).
  static func mail(_ reply: Reply) -> Outcome? {
    if reply.isPositive { return nil }
    // RFC 1870 §6.2: too large for good. The general code says less than we know.
    if reply.code == 552, reply.enhanced == nil {
      var word = Word(reply)
      word.status = EnhancedCode(5, 3, 4)
      return .failed(word)
    }
    return refusal(reply)
  }

  /// What a reply to RCPT means.
  enum Recipient: Hashable, Sendable {
    case accepted
    case settled(Outcome)
    /// The server takes no more recipients in this transaction: offer it in the next one (RFC 5321 §4.5.3.1.10).
    case tooMany
  }

  /// - Parameter alreadyAccepted: recipients that the server accepted before in this transaction.
  static func recipient(_ reply: Reply, alreadyAccepted: Int) -> Recipient {
    if reply.isPositive { return .accepted }
    if alreadyAccepted > 0, isTooMany(reply) { return .tooMany }
    return .settled(refusal(reply))
  }

  /// 452 is the code for it, 552 an old one that is to be read alike (RFC 5321 §4.5.3.1.10). Both also mean other
  /// things, which an enhanced code tells apart: only X.5.3 ("too many recipients") is this one.
  private static func isTooMany(_ reply: Reply) -> Bool {
    guard reply.code == 452 || reply.code == 552 else { return false }
    guard let enhanced = reply.enhanced else { return true }
    return enhanced.subject == 5 && enhanced.detail == 3
  }

  /// The reply to DATA. `nil`: send the content.
  static func dataStart(_ reply: Reply) -> Outcome? {
    reply.code == 354 ? nil : refusal(reply)
  }

  /// The reply to the final dot or the last chunk.
  static func content(_ reply: Reply) -> Outcome {
    reply.isPositive ? .relayed(Word(reply)) : refusal(reply)
  }

  /// 4yz waits, 5yz is final; a reply that makes no sense in its place is a broken server, which may recover.
  private static func refusal(_ reply: Reply) -> Outcome {
    if reply.isPermanentFailure { return .failed(Word(reply)) }
    if reply.isTransientFailure { return .deferred(Word(reply)) }
    return .deferred(Word(EnhancedCode(4, 5, 0), "The server gave an answer that makes no sense here: \(reply)"))
  }

  /// A whole connection that did not come about: it says nothing about any message, so every message waits, whatever
  /// the class of the reply is.
  static func connection(_ reply: Reply, doing what: String) -> Word {
    Word(EnhancedCode(4, 4, 2), "\(what) was answered with \(reply)")
  }
}
