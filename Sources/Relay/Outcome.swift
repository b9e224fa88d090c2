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
  /// message, or not. It stays in the queue; a second copy is better than none (RFC 1047).
  case uncertain(Word)
  /// The server takes no more recipients in one transaction: offer it in the next one (RFC 5321 §4.5.3.1.10).
  case again

  var word: Word? {
    switch self {
    case .relayed(let word), .failed(let word), .deferred(let word), .uncertain(let word): word
    case .again: nil
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

/// Turns what a transaction came to into outcomes. Pure: the one place where it is decided what a reply means.
enum Judgement {
  /// One outcome for each recipient, in their order.
  static func outcomes(_ transaction: TransactionOutcome) -> [Outcome] {
    let someAccepted = transaction.results.contains { result in
      switch result {
      case .accepted, .uncertain: true
      case .refused, .incapable, .lost: false
      }
    }
    return transaction.results.map { outcome($0, othersAccepted: someAccepted) }
  }

  private static func outcome(_ result: RecipientResult, othersAccepted: Bool) -> Outcome {
    switch result {
    case .accepted(let reply): .relayed(Word(reply))
    case .refused(let reply): othersAccepted && isTooMany(reply) ? .again : refusal(reply)
    case .incapable(let reply): .failed(own(reply))
    case .lost(let reason): .deferred(Word(EnhancedCode(4, 4, 2), "The connection was lost: \(reason)"))
    case .uncertain(let reason):
      .uncertain(
        Word(
          EnhancedCode(4, 4, 2),
          "The connection was lost after the whole message had been sent, so the server may have it: \(reason)"))
    }
  }

  /// 452 is the code for it, 552 an old one that is to be read alike (RFC 5321 §4.5.3.1.10). Both also mean other
  /// things, which an enhanced code tells apart: only X.5.3 ("too many recipients") is this one.
  private static func isTooMany(_ reply: Reply) -> Bool {
    guard let enhanced = reply.enhanced else { return reply.code == 452 }
    return (reply.code == 452 || reply.code == 552) && enhanced.subject == 5 && enhanced.detail == 3
  }

  /// 4yz waits, 5yz is final; a reply that makes no sense in its place is a broken server, which may recover.
  private static func refusal(_ reply: Reply) -> Outcome {
    if reply.isPermanentFailure { return .failed(Word(reply)) }
    if reply.isTransientFailure { return .deferred(Word(reply)) }
    return .deferred(Word(EnhancedCode(4, 5, 0), "The server gave an answer that makes no sense here: \(reply)"))
  }

  /// Our own words in the form of a reply: the server was not asked.
  private static func own(_ reply: Reply) -> Word {
    Word(reply.status, reply.lines.joined(separator: " "))
  }
}
