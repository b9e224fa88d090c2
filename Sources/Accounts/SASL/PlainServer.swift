/// PLAIN (RFC 4616): `authorization NUL user NUL password` in one message.
struct PlainServer: SASLMachine {
  private enum State { case start, asked, checking, done }
  private var state = State.start

  mutating func receive(_ response: [UInt8]?) -> SASLAction {
    switch (state, response) {
    case (.start, nil):
      state = .asked
      return .challenge([])
    case (.start, let response?), (.asked, let response?):
      guard let credentials = Self.parse(response) else { return fail(.malformed) }
      state = .checking
      return .check(credentials)
    default: return fail(.malformed)
    }
  }

  mutating func answer(_ answer: SASLAnswer) -> SASLAction {
    guard state == .checking, case .checked(let isRight) = answer else { return fail(.malformed) }
    state = .done
    return isRight ? .succeed : .fail(.credentials)
  }

  private mutating func fail(_ why: LoginRefusal) -> SASLAction {
    state = .done
    return .fail(why)
  }

  /// RFC 4616 §2: exactly two NULs; neither name nor password is empty.
  static func parse(_ message: [UInt8]) -> Credentials? {
    let parts = message.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty else { return nil }
    let credentials = Credentials(
      authorization: Array(parts[0]), user: Array(parts[1]), password: Array(parts[2]))
    return credentials.isTooLong ? nil : credentials
  }
}
