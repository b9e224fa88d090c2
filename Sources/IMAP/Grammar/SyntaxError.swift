/// Why a command cannot be understood.
enum SyntaxError: Error, Equatable {
  /// The octets do not follow the grammar; the sentence says what was expected and becomes the text of the BAD reply.
  case malformed(String)
  /// The octets end where a literal has been announced but has not been received: the beginning of a good command.
  case awaitingLiteral
  /// A good command that this server refuses on principle: a response code such as `BADCHARSET`, and a sentence.
  case refused(code: String, String)
}
