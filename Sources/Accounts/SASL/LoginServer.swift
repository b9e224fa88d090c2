/// LOGIN: no standard, but what older mail programs and devices speak. The server asks for the name, then for the
/// password; an initial response is the name.
struct LoginServer: SASLMachine {
  private enum State: Equatable {
    case start, askedUser, checking, done
    case askedPassword(user: [UInt8])
  }
  private var state = State.start

  mutating func receive(_ response: [UInt8]?) -> SASLAction {
    switch (state, response) {
    case (.start, nil):
      state = .askedUser
      return .challenge(Array("Username:".utf8))
    case (.start, let user?), (.askedUser, let user?):
      guard !user.isEmpty, user.count <= Credentials.longest else { return fail(.malformed) }
      state = .askedPassword(user: user)
      return .challenge(Array("Password:".utf8))
    case (.askedPassword(let user), let password?):
      let credentials = Credentials(user: user, password: password)
      guard !password.isEmpty, !credentials.isTooLong else { return fail(.malformed) }
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
}
