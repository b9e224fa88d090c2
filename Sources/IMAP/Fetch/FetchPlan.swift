internal import Message
internal import Store

/// What is the same for all messages of a FETCH, found out once: which columns to read, and how the items begin.
struct FetchPlan: Sendable {
  /// An item with what need not be made again for each message.
  struct Item: Sendable {
    let item: FetchItem
    /// The name with which it is returned, and the space behind it.
    let name: [UInt8]
    /// For `HEADER.FIELDS` and `HEADER.FIELDS.NOT`.
    let filter: HeaderFieldFilter?
    /// What of a message's content must be read for it.
    let columns: FetchColumns

    init(_ item: FetchItem, dialect: MailboxName.Encoding) {
      self.item = item
      var writer = ResponseWriter(dialect)
      writer.name(of: item)
      name = writer.octets
      let filter: HeaderFieldFilter? =
        switch item {
        case .section(let section, _, _, _):
          switch section.text {
          case .fields(let names): HeaderFieldFilter(names, listed: true)
          case .fieldsNot(let names): HeaderFieldFilter(names, listed: false)
          default: nil
          }
        default: nil
        }
      self.filter = filter
      let isListed = filter.map { $0.isWithin(CardFiller.fields) } ?? false
      columns = isListed && item.isOfWholeMessage ? .listedFields : item.columns
    }
  }

  let items: [Item]
  let columns: FetchColumns
  let dialect: MailboxName.Encoding
  /// Whether the flags are told, and so need not be told again.
  let tellsFlags: Bool
  let setsSeen: Bool

  init(_ items: [FetchItem], dialect: MailboxName.Encoding) {
    self.items = items.map { Item($0, dialect: dialect) }
    self.dialect = dialect
    columns = self.items.reduce(into: FetchColumns()) { $0.formUnion($1.columns) }
    tellsFlags = items.contains(.flags)
    setsSeen = items.contains(where: \.setsSeen)
  }

  /// For a message that this FETCH has marked as seen: flags that a FETCH changes are told in it (RFC 9051 §6.4.5), with
  /// their mod-sequence where the client knows it (RFC 7162 §3.1).
  func tellingFlags(modSequence: Bool) -> FetchPlan {
    var all = items.map(\.item)
    if !all.contains(.flags) { all.append(.flags) }
    if modSequence, !all.contains(.modSequence) { all.append(.modSequence) }
    return FetchPlan(all, dialect: dialect)
  }
}

extension FetchItem {
  fileprivate var isOfWholeMessage: Bool {
    if case .section(let section, _, _, _) = self { return section.part.isEmpty }
    return false
  }

  fileprivate var columns: FetchColumns {
    switch self {
    // The ready-made texts are those for clients that take no UTF-8; others are made where they differ.
    case .envelope: .envelope
    case .bodyStructure: .bodyStructure
    case .body: .structure
    case .section(let section, _, _, _): section.part.isEmpty ? .header : [.header, .structure]
    case .binary(let part, _, _), .binarySize(let part): part.isEmpty ? .header : [.header, .structure]
    case .flags, .internalDate, .size, .uid, .modSequence: []
    }
  }
}

extension ResponseWriter {
  /// The name of an item as it is returned, with the space behind it.
  fileprivate mutating func name(of item: FetchItem) {
    switch item {
    case .uid: raw("UID ")
    case .modSequence: raw("MODSEQ ")
    case .flags: raw("FLAGS ")
    case .size: raw("RFC822.SIZE ")
    case .internalDate: raw("INTERNALDATE ")
    case .envelope: raw("ENVELOPE ")
    case .bodyStructure: raw("BODYSTRUCTURE ")
    case .body: raw("BODY ")
    case .section(let section, let partial, let name, _):
      self.name(of: section, name)
      first(partial)
    case .binary(let part, let partial, _):
      text("BINARY[\(part.map(String.init).joined(separator: "."))]")
      first(partial)
    case .binarySize(let part): text("BINARY.SIZE[\(part.map(String.init).joined(separator: "."))] ")
    }
  }

  private mutating func first(_ partial: Partial?) {
    if let partial { text("<\(partial.first)>") }
    raw(" ")
  }

  /// `BODY[1.HEADER.FIELDS (DATE)]`: the section as the client named it.
  private mutating func name(of section: Section, _ name: FetchItem.SectionName) {
    if name == .rfc822 {
      switch section.text {
      case .header: return raw("RFC822.HEADER")
      case .text: return raw("RFC822.TEXT")
      default: return raw("RFC822")
      }
    }
    var specifiers = section.part.map(String.init)
    var fieldNames: [[UInt8]] = []
    switch section.text {
    case nil: break
    case .header: specifiers.append("HEADER")
    case .text: specifiers.append("TEXT")
    case .mime: specifiers.append("MIME")
    case .fields(let names):
      specifiers.append("HEADER.FIELDS")
      fieldNames = names
    case .fieldsNot(let names):
      specifiers.append("HEADER.FIELDS.NOT")
      fieldNames = names
    }
    text("BODY[\(specifiers.joined(separator: "."))")
    for (index, fieldName) in fieldNames.enumerated() {
      raw(index == 0 ? " (" : " ")
      astring(fieldName)
    }
    raw(fieldNames.isEmpty ? "]" : ")]")
  }
}
