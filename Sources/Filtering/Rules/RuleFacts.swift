internal import Configuration

/// What rules ask about a message, decoded once however many rules and recipients there are.
struct RuleFacts: Sendable {
  /// The envelope's reverse-path (empty for `<>`) and the addresses of the From field.
  var senders: [String]
  /// Whether one of ours sent it: an authenticated user, a device, or the appliance.
  var isFromInside: Bool
  /// Bytes as received.
  var size: Int
  /// Decoded file names of all parts that have one.
  var attachmentNames: [String]
  /// Media types of all parts that are no multipart, in lower case: `application/zip`.
  var attachmentTypes: [String]
  /// The decoded bodies of the header fields that some rule asks about, by their names in lower case.
  var fields: [String: [Phrase.Text]]
}

/// What rules ask about one recipient.
struct RecipientFacts: Sendable {
  var address: String
  var isInside: Bool
}
