/// What a STORE changes (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
struct StoreRequest: Equatable, Sendable {
  enum Operation: Equatable, Sendable {
    case replace, add, remove
  }

  var set: SequenceSet
  var isUID: Bool
  /// UNCHANGEDSINCE: only messages whose mod-sequence is not greater.
  var unchangedSince: Int64?
  var operation: Operation
  var isSilent: Bool
  var flags: FlagList
}

extension Scanner {
  mutating func storeRequest(isUID: Bool) throws(SyntaxError) -> StoreRequest {
    let set = try sequenceSet()
    try space()
    var unchangedSince: Int64?
    if take("(") {
      guard take(word: "UNCHANGEDSINCE") else { throw .malformed("The only STORE modifier is UNCHANGEDSINCE") }
      try space()
      unchangedSince = try number64("a mod-sequence")
      try expect(")", ") after the STORE modifier")
      try space()
    }
    let operation: StoreRequest.Operation = take("+") ? .add : take("-") ? .remove : .replace
    let isSilent: Bool
    switch try keyword("FLAGS") {
    case "FLAGS": isSilent = false
    case "FLAGS.SILENT": isSilent = true
    default: throw .malformed("STORE changes FLAGS and nothing else")
    }
    try space()
    let flags = try storeFlags()
    try end()
    return StoreRequest(
      set: set, isUID: isUID, unchangedSince: unchangedSince, operation: operation, isSilent: isSilent, flags: flags)
  }
}
