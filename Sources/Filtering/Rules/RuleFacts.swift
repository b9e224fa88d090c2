internal import Configuration
internal import MailFlow
internal import Message

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

extension RuleFacts {
  /// Fields of one name that are looked at: nobody writes a hundred subjects for an honest reason.
  private static let mostFields = 100

  /// Decodes what the rules of `book` ask about, and nothing else.
  init(_ message: JudgedMessage, for book: RuleBook) {
    let header = message.header
    let from = header.all("From").prefix(Self.mostFields).flatMap { AddressList($0.body).addresses }
    senders = [message.envelope.reversePath?.description ?? ""] + from.map(\.description)
    isFromInside = !message.envelope.origin.isFromOutside
    size = message.content.size
    fields = [:]
    for name in book.fieldNames {
      fields[name] = header.all(name).prefix(Self.mostFields).map { Phrase.Text($0.text) }
    }
    attachmentNames = []
    attachmentTypes = []
    guard book.asksAboutAttachments else { return }
    let parts = message.content.structure.parts.filter { $0.kind != .multipart }
    attachmentNames = parts.compactMap(\.fileName)
    attachmentTypes = parts.map(\.type.name)
  }
}

/// What rules ask about one recipient.
struct RecipientFacts: Sendable {
  /// The names under which a rule may mean it: as the envelope has it, and as it stands in the configuration.
  var addresses: [String]
  var isInside: Bool
}

extension RecipientFacts {
  /// Who writes to `postmaster` without a domain, or to a sub-address, does not get round the rules for
  /// `postmaster` and for the address itself.
  init(_ address: EmailAddress, _ configuration: Configuration) {
    let own = configuration.ownForm(of: Configuration.Address(localPart: address.localPart, domain: address.domain))
    var addresses = [address.description, own.description]
    if configuration.destination(of: own) == nil, let (base, _) = configuration.splitSubaddress(own),
      configuration.destination(of: base) != nil
    {
      addresses.append(base.description)
    }
    self.init(addresses: addresses, isInside: configuration.isLocal(domain: own.domain))
  }
}
