internal import Store

/// What must be read from the store to answer a FETCH, decided once for all its messages.
struct FetchPlan {
  let items: [FetchItem]
  let columns: FetchColumns
  /// Whether whole bodies, or large parts of them, will be sent.
  let readsBody: Bool

  init(_ items: [FetchItem], dialect: MailboxName.Encoding) {
    self.items = items
    var columns: FetchColumns = []
    var readsBody = false
    for item in items {
      switch item {
      case .envelope:
        columns.insert(.envelope)
        // The ready-made text is the one for clients that take no UTF-8; another is made from the header.
        if dialect == .utf8 { columns.insert(.header) }
      case .bodyStructure:
        columns.insert(.bodyStructure)
        if dialect == .utf8 { columns.insert(.structure) }
      case .body: columns.insert(.structure)
      case .section(let section, _, _, _):
        if !section.part.isEmpty { columns.insert(.structure) }
        columns.insert(.header)
        let isHeader = section.text != nil && section.text != .text
        readsBody = readsBody || !isHeader || !section.part.isEmpty
      case .binary(let part, _, _), .binarySize(let part):
        if !part.isEmpty { columns.insert(.structure) }
        columns.insert(.header)
        readsBody = true
      case .flags, .internalDate, .size, .uid, .modSequence: break
      }
    }
    self.columns = columns
    self.readsBody = readsBody
  }

  var setsSeen: Bool { items.contains(where: \.setsSeen) }

  /// Messages that are read at a time: few where their columns are large.
  var slice: Int { columns.isEmpty ? 2000 : columns.contains(.header) ? 100 : 400 }
}
