/// The parameters of MAIL: a table of keyword and reader.
enum MailParameters {
  /// Puts a value into the command; gives the refusal if it cannot.
  private typealias Read = @Sendable (ArraySlice<UInt8>?, inout MailCommand, ServerSettings) -> Reply?

  private static let table: [String: Read] = [
    // RFC 1870 §5: 1*20DIGIT.
    "SIZE": { value, command, settings in
      guard let value, value.count <= 20, value.allSatisfy({ (0x30...0x39).contains($0) }) else {
        return Reply(501, "5.5.4", "SIZE takes a number of octets")
      }
      // More digits than fit are more octets than anybody takes.
      guard let size = ServerMachine.octets(value.drop { $0 == 0x30 }.isEmpty ? [0x30] : value.drop { $0 == 0x30 }),
        size <= settings.sizeLimit
      else {
        // RFC 1870 §6.1
        return Reply(552, "5.3.4", "Message size exceeds fixed maximum message size of \(settings.sizeLimit) octets")
      }
      command.size = size
      return nil
    },
    // RFC 6152, and RFC 3030 §3: BINARYMIME is not offered.
    "BODY": { value, command, _ in
      switch value.map({ String(decoding: $0.uppercased, as: UTF8.self) }) {
      case "7BIT": command.is8BitMIME = false
      case "8BITMIME": command.is8BitMIME = true
      case "BINARYMIME": return Reply(555, "5.5.4", "BODY=BINARYMIME is not offered")
      default: return Reply(501, "5.5.4", "BODY takes 7BIT or 8BITMIME")
      }
      return nil
    },
    // RFC 6531 §3.4
    "SMTPUTF8": { value, command, _ in
      guard value == nil else { return Reply(501, "5.5.4", "SMTPUTF8 takes no value") }
      command.smtputf8 = true
      return nil
    },
    // RFC 8689 §2. Whether the session has TLS is looked at where the command is.
    "REQUIRETLS": { value, command, _ in
      guard value == nil else { return Reply(501, "5.5.4", "REQUIRETLS takes no value") }
      command.requiresTLS = true
      return nil
    },
    // RFC 3461 §4.3
    "RET": { value, command, _ in
      guard let value, let returned = ReturnedContent(rawValue: String(decoding: value.uppercased, as: UTF8.self))
      else { return Reply(501, "5.5.4", "RET takes FULL or HDRS") }
      command.returnedContent = returned
      return nil
    },
    // RFC 3461 §4.4
    "ENVID": { value, command, _ in
      guard let value, value.count <= 100, let octets = Xtext.decode(value),
        octets.allSatisfy({ (32...126).contains($0) })
      else { return Reply(501, "5.5.4", "ENVID takes xtext of at most 100 characters") }
      command.envelopeID = String(decoding: octets, as: UTF8.self)
      return nil
    },
    // RFC 4954: no client is trusted to speak for another, so the value is read and dropped. It exists
    // only where AUTH does.
    "AUTH": { value, _, settings in
      guard settings.service == .submission else { return Reply(555, "5.5.4", "AUTH is not offered here") }
      guard let value, value.elementsEqual("<>".utf8) || Xtext.decode(value) != nil else {
        return Reply(501, "5.5.4", "AUTH takes xtext")
      }
      return nil
    },
  ]

  static func read(_ text: ArraySlice<UInt8>, into command: inout MailCommand, settings: ServerSettings) -> Reply? {
    guard let parameters = Parameter.list(text) else {
      return Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
    }
    var seen: Set<String> = []
    for parameter in parameters {
      guard let read = table[parameter.keyword] else {
        // RFC 5321 §4.1.1.11
        return Reply(555, "5.5.4", "MAIL parameter \(parameter.keyword.prefix(40)) is not recognized")
      }
      guard seen.insert(parameter.keyword).inserted else {
        return Reply(501, "5.5.4", "MAIL parameter \(parameter.keyword) is given twice")
      }
      if let refusal = read(parameter.value, &command, settings) { return refusal }
    }
    return nil
  }
}

/// The parameters of RCPT: a table of keyword and reader.
enum RecipientParameters {
  private typealias Read = @Sendable (ArraySlice<UInt8>?, inout RecipientCommand) -> Reply?

  private static let table: [String: Read] = [
    // RFC 3461 §4.1
    "NOTIFY": { value, command in
      guard let value, let conditions = NotifyConditions(value) else {
        return Reply(501, "5.5.4", "NOTIFY takes NEVER, or SUCCESS, FAILURE and DELAY with commas")
      }
      command.notify = conditions
      return nil
    },
    // RFC 3461 §4.2
    "ORCPT": { value, command in
      guard let value, let original = OriginalAddress(value) else {
        return Reply(501, "5.5.4", "ORCPT takes an address type, a semicolon and an address as xtext")
      }
      command.original = original
      return nil
    },
  ]

  static func read(_ text: ArraySlice<UInt8>, into command: inout RecipientCommand) -> Reply? {
    guard let parameters = Parameter.list(text) else {
      return Reply(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]")
    }
    var seen: Set<String> = []
    for parameter in parameters {
      guard let read = table[parameter.keyword] else {
        return Reply(555, "5.5.4", "RCPT parameter \(parameter.keyword.prefix(40)) is not recognized")
      }
      guard seen.insert(parameter.keyword).inserted else {
        return Reply(501, "5.5.4", "RCPT parameter \(parameter.keyword) is given twice")
      }
      if let refusal = read(parameter.value, &command) { return refusal }
    }
    return nil
  }
}
