internal import Store

extension Answer {
  /// RFC 5321 §4.2.3: 452 is "insufficient system storage"; X.3.1 says that it is the system's, not the mailbox's.
  static let noRoom = Answer(452, "4.3.1", "There is no room for this message now, try again later")
  static let readOnly = Answer(451, "4.3.0", "Mail can only be read here at the moment, try again later")
  static let localError = Answer(451, "4.3.0", "Local error, try again later")

  /// What a client is told when the store could not do something. What went wrong is for the log, not for strangers.
  init(for error: any Error) {
    switch error {
    case StoreError.diskFull: self = .noRoom
    case StoreError.readOnly: self = .readOnly
    case StoreError.closed: self = Answer(451, "4.3.2", "The system is being stopped, try again later")
    default: self = .localError
    }
  }
}
