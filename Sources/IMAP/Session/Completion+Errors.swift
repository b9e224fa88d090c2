internal import MailFlow
internal import Store

extension Completion {
  /// The reply to a command that the store or the mail flow refused; nil if the session must end because of it.
  init?(refusing error: any Error) {
    switch error {
    case let error as MailboxError: self.init(error)
    case let error as StoreError:
      guard let completion = Completion(storeError: error) else { return nil }
      self = completion
    default: return nil
    }
  }

  private init(_ error: MailboxError) {
    let sentence = "\(error)"
    switch error {
    case .overQuota: self = .no(sentence, code: "OVERQUOTA")
    case .noSuchMailbox: self = .no(sentence, code: "NONEXISTENT")
    case .inboxStays, .badName: self = .no(sentence, code: "CANNOT")
    }
  }

  private init?(storeError error: StoreError) {
    let sentence = "\(error)"
    switch error {
    // Answer neither yes nor no: nobody knows what is on disk. And nothing more can be done once the store is closed.
    case .outcomeUnknown, .closed: return nil
    case .diskFull, .readOnly: self = .no(sentence, code: "UNAVAILABLE")
    case .missing: self = .no(sentence, code: "NONEXISTENT")
    case .mailboxExists(let name): self = .no("There is a mailbox \(name) already", code: "ALREADYEXISTS")
    case .tooManyKeywords:
      self = .no("The mailbox has \(Flags.keywordLimit) keywords already: remove some first", code: "LIMIT")
    case .mailboxFull: self = .no("The mailbox has given out its last UID: use a new one", code: "LIMIT")
    case .damaged: self = .no("The mailbox cannot be read", code: "CORRUPTION")
    default: self = .no("Something went wrong inside the server", code: "SERVERBUG")
    }
  }
}
