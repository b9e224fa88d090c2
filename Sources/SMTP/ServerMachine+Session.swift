internal import Message

/// The commands that are about the session: EHLO, HELO, STARTTLS, AUTH, RSET, QUIT, VRFY, HELP.
extension ServerMachine {
  mutating func hello(_ argument: ArraySlice<UInt8>, isExtended: Bool) -> Action {
    // The name ends at the first space: information behind a literal is tolerated (RFC 5321 §4.1.1.1).
    let name = argument.prefix { $0 != 0x20 }
    guard !name.isEmpty, name.count <= ProtocolLimits.domain else {
      return failure(Reply(501, "5.5.4", "\(isExtended ? "EHLO" : "HELO") needs the client's host name"))
    }
    // Whether the name is true is not checked, and cannot be a reason to refuse (RFC 5321 §4.1.4).
    let printable = name.map { (33...126).contains($0) ? $0 : UInt8(ascii: "?") }
    return greet(HelloCommand(name: String(decoding: printable, as: UTF8.self), isExtended: isExtended))
  }

  mutating func startTLS(_ argument: ArraySlice<UInt8>) -> Action {
    // RFC 3207 §4: no parameters, and never within TLS.
    guard argument.isEmpty else { return failure(Reply(501, "5.5.4", "STARTTLS has no parameters")) }
    guard !isEncrypted else { return failure(Reply(503, "5.5.1", "TLS is already in use")) }
    return .startTLS(Reply(220, "2.0.0", "Ready to start TLS"))
  }

  mutating func authenticate(_ argument: ArraySlice<UInt8>) -> Action {
    guard offersAuthentication else {
      return failure(Reply(538, "5.7.11", "Encryption required for authentication: use STARTTLS first"))
    }
    guard !isAuthenticated else { return failure(Reply(503, "5.5.1", "Already authenticated")) }
    guard hello?.isExtended == true else { return failure(Reply(503, "5.5.1", "Send EHLO first")) }
    let words = argument.split(separator: 0x20)
    guard let first = words.first, words.count <= 2 else {
      return failure(Reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]"))
    }
    let mechanism = String(decoding: first.uppercased, as: UTF8.self)
    guard settings.mechanisms.contains(mechanism) else {
      return failure(Reply(504, "5.5.4", "Unrecognized authentication mechanism"))
    }
    var initial: [UInt8]?
    if words.count == 2 {
      // RFC 4954: a single `=` is an initial response of no octets.
      guard let decoded = words[1].elementsEqual([UInt8(ascii: "=")]) ? [] : Base64.decode(words[1]) else {
        return failure(Reply(501, "5.5.2", "The initial response is not base64"))
      }
      initial = decoded
    }
    phase = .authenticating
    return .authenticate(mechanism: mechanism, initial: initial)
  }

  /// A response within an exchange (RFC 4954).
  mutating func receiveAuthentication(_ line: ArraySlice<UInt8>) -> Action {
    if line.elementsEqual([UInt8(ascii: "*")]) {
      phase = .greeted
      return .abandonAuthentication(Reply(501, "5.7.0", "Authentication cancelled"))
    }
    guard let response = Base64.decode(line) else {
      phase = .greeted
      let action = failure(Reply(501, "5.5.2", "The response is not base64"))
      if case .reply(let reply) = action { return .abandonAuthentication(reply) }
      return action
    }
    return .continueAuthentication(response)
  }

  mutating func reset(_ argument: ArraySlice<UInt8>) -> Action {
    guard argument.isEmpty else { return failure(Reply(501, "5.5.4", "RSET has no parameters")) }
    endTransaction()
    return .reset(Reply(250, "2.0.0", "OK"))
  }

  mutating func quit(_ argument: ArraySlice<UInt8>) -> Action {
    guard argument.isEmpty else { return failure(Reply(501, "5.5.4", "QUIT has no parameters")) }
    return close(ServerMachine.closing(settings.hostname))
  }

  /// Says neither yes nor no: addresses are told by RCPT alone (RFC 5321 §3.5.3, §7.3).
  mutating func verify(_ argument: ArraySlice<UInt8>) -> Action {
    guard !argument.isEmpty else { return failure(Reply(501, "5.5.4", "VRFY needs a name")) }
    return .reply(Reply(252, "2.5.0", "Cannot VRFY user, but will accept message and attempt delivery"))
  }

  mutating func help(_ argument: ArraySlice<UInt8>) -> Action {
    let verbs = CommandRule.table.values.filter { $0.exists(self) && $0.verb != "EXPN" }.map(\.verb).sorted()
    return .reply(Reply(214, EnhancedCode(2, 0, 0), ["Commands:", verbs.joined(separator: " ")]))
  }
}
