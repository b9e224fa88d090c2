import Platform

/// Domains, accounts, aliases and groups, with their lines.
struct People {
  var domains: [Configuration.Domain] = []
  var domainLines: [Int] = []
  var accounts: [Located<Configuration.Account>] = []
  var aliases: [Located<Configuration.Alias>] = []
  var groups: [Located<Configuration.Group>] = []
  var delivery = Configuration.Delivery(subaddressSeparator: "+", forwardUnauthenticated: false)
  /// What each address is, by its key.
  var destinations: [String: Configuration.Destination] = [:]
  /// The line in which each address was given to somebody.
  var owners: [String: (line: Int, who: String)] = [:]

  func account(_ name: String) -> Configuration.Account? { accounts.first { $0.value.name == name }?.value }
  func isLocal(_ domain: String) -> Bool { domains.contains { $0.name == domain } }

  /// The address without its sub-address, if it has one.
  func base(of address: Configuration.Address) -> Configuration.Address? {
    guard let separator = delivery.subaddressSeparator, let place = address.localPart.firstIndex(of: separator),
      place != address.localPart.startIndex
    else { return nil }
    return Configuration.Address(localPart: String(address.localPart[..<place]), domain: address.domain)
  }
}

extension Assembly {
  /// Names come first, then who has which address, then what refers to them.
  func people() -> People {
    var people = People()
    let delivery = root.table(Schema.DeliveryTable.schema)
    people.delivery = Configuration.Delivery(
      subaddressSeparator: delivery.read(Schema.DeliveryTable.separator),
      forwardUnauthenticated: delivery.read(Schema.DeliveryTable.forwardUnauthenticated))
    let domains = root.tables(Schema.DomainTable.schema)
    let names = domains.map { section in section.read(Schema.DomainTable.name).map { (section, $0) } }
    for case (let section, let name)? in names {
      if let earlier = people.domains.firstIndex(where: { $0.name == name }) {
        duplicate(section.line, "the domain \(name)", people.domainLines[earlier])
        continue
      }
      people.domains.append(Configuration.Domain(name: name, catchAll: nil))
      people.domainLines.append(section.line)
    }
    for section in root.tables(Schema.AccountTable.schema) { addAccount(section, to: &people) }
    let aliases = root.tables(Schema.AliasTable.schema).map { section in
      claim(section, Schema.AliasTable.address, "an alias", Schema.AliasTable.to, &people)
    }
    let groups = root.tables(Schema.GroupTable.schema).map { section in
      claim(section, Schema.GroupTable.address, "a group", Schema.GroupTable.members, &people)
    }
    // Every address has its owner now: references can be followed.
    for case let alias? in aliases {
      let value = Configuration.Alias(
        address: alias.address, targets: members(alias.members, of: "the alias \(alias.address)", people))
      guard alias.isItsOwn else { continue }
      people.aliases.append(Located(value: value, line: alias.line))
      people.destinations[alias.address.key] = .alias(value)
    }
    for case let group? in groups {
      let value = Configuration.Group(
        address: group.address, members: members(group.members, of: "the group \(group.address)", people))
      guard group.isItsOwn else { continue }
      people.groups.append(Located(value: value, line: group.line))
      people.destinations[group.address.key] = .group(value)
    }
    for (section, name) in names.compactMap({ $0 }) { addCatchAll(section, name, to: &people) }
    findCircles(people)
    return people
  }

  private func duplicate(_ line: Int, _ what: String, _ earlier: Int) {
    findings.error(line, "\(what) is already in line \(earlier)", "remove one of the two")
  }

  private func addAccount(_ section: Section, to people: inout People) {
    typealias Keys = Schema.AccountTable
    let written = section.read(Keys.addresses)
    let quota = section.read(Keys.quota)
    guard let name = section.read(Keys.name) else { return }
    if let earlier = people.accounts.first(where: { $0.value.name == name }) {
      duplicate(section.line, "the account \(name)", earlier.line)
      return
    }
    var addresses = written ?? []
    if !section.has(Keys.addresses), let domain = people.domains.first {
      addresses = [Located(value: Configuration.Address(localPart: name, domain: domain.name), line: section.line)]
    }
    let own = addresses.filter { claim($0.value, line: $0.line, who: "the account \(name)", &people) }
    let account = Configuration.Account(
      name: name, addresses: own.map(\.value), quota: quota,
      keptLists: Set(section.read(Keys.lists).map { $0.lowercased() }))
    people.accounts.append(Located(value: account, line: section.line))
    for address in own { people.destinations[address.value.key] = .account(account) }
  }

  /// Gives an address to somebody, unless it is somebody else's or in a domain that is not ours.
  private func claim(_ address: Configuration.Address, line: Int, who: String, _ people: inout People) -> Bool {
    guard people.isLocal(address.domain) else {
      let nearest = Suggestion.nearest(to: address.domain, among: people.domains.map(\.name))
      findings.error(
        line, "the domain of \(address) is not one of this file",
        nearest.map { "did you mean \(address.localPart)@\($0)?" }
          ?? "write [[domain]] with name = \"\(address.domain)\", or another address")
      return false
    }
    if let earlier = people.owners[address.key] {
      findings.error(
        line, "\(address) already belongs to \(earlier.who) (line \(earlier.line))",
        "remove one of the two, or write an [[alias]] that leads to both")
      return false
    }
    people.owners[address.key] = (line, who)
    return true
  }

  private struct Claimed {
    let address: Configuration.Address
    let members: [Located<String>]
    let line: Int
    /// The address is not somebody else's, nor elsewhere; where it is, what it leads to is looked at all the same.
    let isItsOwn: Bool
  }

  private func claim(
    _ section: Section, _ addressKey: Key<Configuration.Address>, _ what: String, _ membersKey: Key<[Located<String>]>,
    _ people: inout People
  ) -> Claimed? {
    let members = section.read(membersKey)
    guard let address = section.read(addressKey) else { return nil }
    let line = section.line(of: addressKey)
    let isItsOwn = claim(address, line: line, who: "\(what) (\(address))", &people)
    return Claimed(address: address, members: members ?? [], line: line, isItsOwn: isItsOwn)
  }

  private func members(_ written: [Located<String>], of who: String, _ people: People) -> [Configuration.Member] {
    var seen: Set<Configuration.Member> = []
    return written.compactMap { text in
      guard let member = member(text, of: who, people) else { return nil }
      guard seen.insert(member).inserted else {
        findings.warning(text.line, "\(who) names \(text.value) twice", "remove one of the two")
        return nil
      }
      return member
    }
  }

  /// Finds out what an account's name or an address means.
  private func member(_ text: Located<String>, of who: String, _ people: People) -> Configuration.Member? {
    guard text.value.contains("@") else {
      if people.account(text.value) != nil { return .account(text.value) }
      let nearest = Suggestion.nearest(to: text.value, among: people.accounts.map(\.value.name))
      findings.error(
        text.line, "\(who) names the account \(text.value), which does not exist",
        nearest.map { "did you mean \"\($0)\"?" } ?? "write the name of an [[account]] of this file, or an address")
      return nil
    }
    guard let address = Configuration.Address(text.value) else { return nil }
    guard people.isLocal(address.domain) else { return outside(address, text.line, who, people) }
    if case .account(let account)? = people.destinations[address.key] { return .account(account.name) }
    if people.owners[address.key] != nil { return .inside(address) }
    if let base = people.base(of: address), people.owners[base.key] != nil { return .inside(address) }
    let domain = "@" + address.domain
    let neighbours = people.owners.keys.filter { $0.hasSuffix(domain) }.map { String($0.dropLast(domain.count)) }
    let nearest = Suggestion.nearest(to: address.localPart, among: neighbours.sorted()).map { $0 + domain }
    findings.error(
      text.line, "\(who) leads to \(address), which nobody has",
      nearest.map { "did you mean \($0)?" } ?? "write an address of an account, alias or group of this file")
    return nil
  }

  private func outside(_ address: Configuration.Address, _ line: Int, _ who: String, _ people: People)
    -> Configuration.Member?
  {
    if people.delivery.forwardUnauthenticated { return .outside(address) }
    findings.error(
      line, "\(who) leads to \(address) in another domain, and senders are not authenticated",
      "remove it, or write forward-unauthenticated = true in [delivery] if you accept passing on forged mail")
    return nil
  }

  private func addCatchAll(_ section: Section, _ name: String, to people: inout People) {
    guard let text = section.read(Schema.DomainTable.catchAll) else { return }
    let line = section.line(of: Schema.DomainTable.catchAll)
    guard let member = member(Located(value: text, line: line), of: "the catch-all of \(name)", people),
      let index = people.domains.firstIndex(where: { $0.name == name })
    else { return }
    people.domains[index] = Configuration.Domain(name: name, catchAll: member)
  }

  /// The account for postmaster. Every domain must have somebody for that name (RFC 5321 §4.5.1), so a file that leaves
  /// it to the first account hears of it.
  func postmaster(among people: People) -> String {
    let key = Schema.Root.postmaster
    if root.has(key) {
      guard let name = root.read(key) else { return "" }
      if people.account(name) == nil {
        let nearest = Suggestion.nearest(to: name, among: people.accounts.map(\.value.name))
        findings.error(
          root.line(of: key), "postmaster names the account \(name), which does not exist",
          nearest.map { "did you mean \"\($0)\"?" } ?? "write the name of an [[account]] of this file")
      }
      return name
    }
    guard let first = people.accounts.first?.value.name else { return "" }
    for (domain, line) in zip(people.domains, people.domainLines)
    where people.owners["postmaster@" + domain.name] == nil {
      findings.warning(
        line, "the domain \(domain.name) has no postmaster, so the first account (\(first)) gets that mail",
        "write postmaster = \"\(first)\" before the first table, or another account")
    }
    return first
  }
}
