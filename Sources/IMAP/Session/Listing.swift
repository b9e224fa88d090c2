internal import Store

/// Which names a LIST or LSUB returns, and with which attributes: the rules of RFC 9051 §6.3.9, RFC 5258, RFC 6154 and,
/// for LSUB, RFC 3501 §6.3.9, over an account's mailboxes and subscriptions.
struct Listing {
  struct Known {
    var name: MailboxName
    var specialUse: SpecialUse?
  }

  /// One LIST or LSUB response.
  struct Line: Equatable {
    var name: MailboxName
    var attributes: [String]
    /// The criteria of a CHILDINFO item (RFC 9051 §6.3.9.6).
    var childInfo: [String] = []
    /// Whether a STATUS may follow: the mailbox exists and meets the selection criteria itself.
    var isSelected: Bool
  }

  private let mailboxes: [MailboxName: Known]
  private let subscriptions: Set<MailboxName>
  /// Every name that can be listed, in the order of listing: those of mailboxes, of subscriptions, and of the levels
  /// above either.
  private let names: [MailboxName]
  private let places: [MailboxName: Int]
  /// Names with a mailbox somewhere below.
  private let parents: Set<MailboxName>

  init(mailboxes: [Known], subscriptions: [MailboxName]) {
    self.mailboxes = Dictionary(mailboxes.map { ($0.name, $0) }) { first, _ in first }
    self.subscriptions = Set(subscriptions)
    var parents: Set<MailboxName> = []
    for mailbox in mailboxes { Self.insertParents(of: mailbox.name, into: &parents) }
    self.parents = parents
    var all = parents.union(self.mailboxes.keys).union(subscriptions)
    for name in subscriptions { Self.insertParents(of: name, into: &all) }
    let names = all.sorted(by: Self.isListedBefore)
    self.names = names
    places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
  }

  private static func insertParents(of name: MailboxName, into set: inout Set<MailboxName>) {
    var level = name.parent
    while let parent = level, !parent.text.isEmpty, set.insert(parent).inserted { level = parent.parent }
  }

  /// INBOX and what is below it first, then by name; what is below a name follows it at once.
  private static func isListedBefore(_ a: MailboxName, _ b: MailboxName) -> Bool {
    let (aIsInbox, bIsInbox) = (a == .inbox || a.isBelow(.inbox), b == .inbox || b.isBelow(.inbox))
    if aIsInbox != bIsInbox { return aIsInbox }
    return a.text.unicodeScalars.lexicographicallyPrecedes(b.text.unicodeScalars) { $0.sortKey < $1.sortKey }
  }

  private func names(below name: MailboxName) -> some Sequence<MailboxName> {
    names[((places[name] ?? names.count - 1) + 1)...].lazy.prefix { $0.isBelow(name) }
  }

  // MARK: Answers

  func lines(
    patterns: [ListPattern], selection: ListRequest.Selection, returns: ListRequest.Returns, isLSUB: Bool = false,
    prefersNonExistent: Bool
  ) -> [Line] {
    let matching = names.filter { name in patterns.contains { $0.matches(name) } }
    if isLSUB { return lsubLines(matching, patterns) }
    let isSelecting = !selection.isDisjoint(with: [.subscribed, .specialUse])
    let listed = Set(matching.filter { meets($0, selection) })
    return matching.compactMap { name in
      let meetsCriteria = listed.contains(name)
      let childInfo = selection.contains(.recursiveMatch) ? childInfo(name, selection, listed, meetsCriteria) : []
      // RFC 9051 §6.3.9: with % at the end, matching levels of hierarchy are listed even if they are no mailboxes.
      let isLevel = !isSelecting && parents.contains(name) && patterns.contains { $0.endsInPercent && $0.matches(name) }
      guard meetsCriteria || !childInfo.isEmpty || isLevel else { return nil }
      return Line(
        name: name, attributes: attributes(name, returns, prefersNonExistent: prefersNonExistent || isSelecting),
        childInfo: childInfo, isSelected: meetsCriteria && mailboxes[name] != nil)
    }
  }

  /// The line for one mailbox, as SELECT and CREATE send it.
  func line(for name: MailboxName, prefersNonExistent: Bool) -> Line {
    Line(
      name: name, attributes: attributes(name, [.children, .specialUse], prefersNonExistent: prefersNonExistent),
      isSelected: mailboxes[name] != nil)
  }

  private func meets(_ name: MailboxName, _ selection: ListRequest.Selection) -> Bool {
    if selection.contains(.specialUse), mailboxes[name]?.specialUse == nil { return false }
    if selection.contains(.subscribed) { return subscriptions.contains(name) }
    return mailboxes[name] != nil
  }

  private func childInfo(
    _ name: MailboxName, _ selection: ListRequest.Selection, _ listed: Set<MailboxName>, _ meetsCriteria: Bool
  ) -> [String] {
    let children = names(below: name).filter { meets($0, selection) }
    // RFC 9051 §6.3.9.6: a parent is not returned for children that are returned themselves.
    guard !children.isEmpty, meetsCriteria || !children.allSatisfy(listed.contains) else { return [] }
    var criteria: [String] = []
    if selection.contains(.subscribed) { criteria.append("SUBSCRIBED") }
    if selection.contains(.specialUse) { criteria.append("SPECIAL-USE") }
    return criteria
  }

  private func attributes(
    _ name: MailboxName, _ returns: ListRequest.Returns, prefersNonExistent: Bool
  ) -> [String] {
    var attributes: [String] = []
    if mailboxes[name] == nil {
      // RFC 5258 §3: \NonExistent for clients of the extended command, which implies \Noselect.
      attributes.append(prefersNonExistent ? "\\NonExistent" : "\\Noselect")
    }
    if returns.contains(.subscribed), subscriptions.contains(name) { attributes.append("\\Subscribed") }
    // RFC 3348 §3 and RFC 9051 §6.3.9.5: always told, as they cost nothing.
    attributes.append(parents.contains(name) ? "\\HasChildren" : "\\HasNoChildren")
    if let use = mailboxes[name]?.specialUse { attributes.append(use.rawValue) }
    return attributes
  }

  /// RFC 3501 §6.3.9: a level that matches `%` and is not subscribed is returned with `\Noselect` if a name below it is.
  private func lsubLines(_ matching: [MailboxName], _ patterns: [ListPattern]) -> [Line] {
    matching.compactMap { name in
      if subscriptions.contains(name) { return Line(name: name, attributes: [], isSelected: false) }
      let isLevel =
        patterns.contains { $0.endsInPercent && $0.matches(name) }
        && names(below: name).contains { subscriptions.contains($0) }
      return isLevel ? Line(name: name, attributes: ["\\Noselect"], isSelected: false) : nil
    }
  }
}

extension Unicode.Scalar {
  /// The delimiter sorts before all other characters.
  fileprivate var sortKey: UInt32 { self == "/" ? 0 : value }
}
