internal import Platform
internal import Resolver

/// One check under way: what it has looked up so far, and what it has found.
struct SPFEvaluation: Sendable {
  /// What a domain's record says of the client.
  struct Finding {
    var result: SPFResult
    var mechanism: String?
    /// The domain of the record that decided, and its `exp`.
    var domain: [UInt8]
    var explanation: SPFMacroString?
  }

  let dns: any DNS
  var values: SPFMacroValues
  private(set) var lookups = 0
  private var voids = 0
  private var validated: [DomainName]?

  init(dns: any DNS, values: SPFMacroValues) {
    self.dns = dns
    self.values = values
  }

  // MARK: Records

  /// `check_host()` for one domain (RFC 7208 §4).
  mutating func result(for domain: [UInt8]) async throws(SPFStop) -> Finding {
    let none = Finding(result: .none, domain: domain)
    // RFC 7208 §4.3: no name of several labels, no policy.
    guard let name = DomainName(octets: domain), name.ascii.contains("."), !name.ascii.hasPrefix("[") else {
      return none
    }
    let texts: [String]
    do throws(DNSFailure) {
      texts = try await dns.txt(name).values.filter(SPFRecord.isRecord)
    } catch {
      throw .temporary("\(error)")
    }
    guard texts.count <= 1 else { throw .permanent("\(name) has \(texts.count) SPF records") }
    guard let text = texts.first else { return none }
    let record: SPFRecord
    do throws(SPFStop) {
      record = try SPFRecord(text)
    } catch {
      guard case .permanent(let why) = error else { throw error }
      throw .permanent("in the SPF record of \(name) is an error: \(why)")
    }
    return try await evaluate(record, of: domain, name)
  }

  private mutating func evaluate(
    _ record: SPFRecord, of domain: [UInt8], _ name: DomainName
  ) async throws(SPFStop) -> Finding {
    for directive in record.directives {
      values.domain = domain
      if try await matches(directive.mechanism, name) {
        return Finding(
          result: directive.result, mechanism: directive.text, domain: domain, explanation: record.explanation)
      }
    }
    // RFC 7208 §6.1: it is of no use beside an "all", wherever that stands.
    guard let redirect = record.redirect, !record.hasAll else {
      return Finding(result: .neutral, domain: domain, explanation: record.explanation)
    }
    values.domain = domain
    try count()
    let target = await expand(redirect)
    let finding = try await result(for: target)
    guard finding.result != .none else {
      throw .permanent("\(name) points to \(Self.shown(target)), which has no SPF record")
    }
    return finding
  }

  private static func shown(_ name: [UInt8]) -> String {
    String(decoding: name.prefix(255).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  private mutating func count() throws(SPFStop) {
    lookups += 1
    if lookups > SPFCheck.lookupLimit {
      throw .permanent("the records need more than \(SPFCheck.lookupLimit) look-ups")
    }
  }

  private mutating func note<Value>(_ answer: DNSAnswer<Value>) throws(SPFStop) {
    guard answer.values.isEmpty else { return }
    voids += 1
    if voids > SPFCheck.voidLimit {
      throw .permanent("more than \(SPFCheck.voidLimit) names that the records lead to are not there")
    }
  }

  // MARK: Mechanisms

  private mutating func matches(_ mechanism: SPFRecord.Mechanism, _ own: DomainName) async throws(SPFStop) -> Bool {
    switch mechanism {
    case .all: return true
    case .ip4(let network): return network.contains(values.address)
    case .ip6(let network): return network?.contains(values.address) ?? false
    case .include(let target): return try await includes(target)
    case .a(let target, let four, let six):
      try count()
      guard let name = await name(target, own) else { return false }
      let answer = try await addresses(of: name)
      try note(answer)
      return holds(answer.values, four, six)
    case .mx(let target, let four, let six):
      try count()
      guard let name = await name(target, own) else { return false }
      return try await exchangerMatches(name, four, six)
    case .ptr(let target):
      try count()
      guard let name = await name(target, own) else { return false }
      return try await validatedNames(isMechanism: true).contains { $0.isWithin(name) }
    case .exists(let target):
      try count()
      guard let name = await name(target, own) else { return false }
      // RFC 7208 §5.7: A records, whichever way the client came.
      let answer = try await ask { dns async throws(DNSFailure) in try await dns.a(name) }
      try note(answer)
      return !answer.values.isEmpty
    }
  }

  /// RFC 7208 §5.2.
  private mutating func includes(_ target: SPFMacroString) async throws(SPFStop) -> Bool {
    try count()
    let domain = await expand(target)
    let saved = values.domain
    defer { values.domain = saved }
    switch try await result(for: domain).result {
    case .pass: return true
    case .fail, .softfail, .neutral: return false
    case .temperror: throw .temporary("\(Self.shown(domain)) cannot be evaluated")
    case .none, .permerror: throw .permanent("\(Self.shown(domain)), which is included, has no SPF record")
    }
  }

  /// RFC 7208 §5.4.
  private mutating func exchangerMatches(_ name: DomainName, _ four: Int, _ six: Int) async throws(SPFStop) -> Bool {
    let answer = try await ask { dns async throws(DNSFailure) in try await dns.mx(name) }
    try note(answer)
    guard answer.values.count <= SPFCheck.nameLimit else {
      throw .permanent("\(name) has more than \(SPFCheck.nameLimit) mail servers")
    }
    for record in answer.values where !record.exchange.isRoot {
      if holds(try await addresses(of: record.exchange).values, four, six) { return true }
    }
    return false
  }

  private func addresses(of name: DomainName) async throws(SPFStop) -> DNSAnswer<IPAddress> {
    let isIPv4 = values.address.isIPv4
    return try await ask { dns async throws(DNSFailure) in isIPv4 ? try await dns.a(name) : try await dns.aaaa(name) }
  }

  private func holds(_ found: [IPAddress], _ four: Int, _ six: Int) -> Bool {
    let address = values.address
    return found.contains { IPNetwork($0, prefix: $0.isIPv4 ? four : six)?.contains(address) ?? false }
  }

  private func ask<Value: Sendable>(
    _ question: (any DNS) async throws(DNSFailure) -> DNSAnswer<Value>
  ) async throws(SPFStop) -> DNSAnswer<Value> {
    do throws(DNSFailure) {
      return try await question(dns)
    } catch {
      throw .temporary("\(error)")
    }
  }

  // MARK: Names

  /// The name that a mechanism is about. `nil`: none that could be looked up, so that nothing matches.
  private mutating func name(_ target: SPFMacroString?, _ own: DomainName) async -> DomainName? {
    guard let target else { return own }
    return DomainName(octets: await expand(target))
  }

  /// A domain-spec with its macros' values; one that is too long loses labels on its left (RFC 7208 §7.3).
  private mutating func expand(_ spec: SPFMacroString) async -> [UInt8] {
    var text = await text(spec)[...]
    if text.last == UInt8(ascii: ".") { text.removeLast() }
    while text.count > DomainName.longest, let dot = text.firstIndex(of: UInt8(ascii: ".")) {
      text = text[(dot + 1)...]
    }
    return Array(text)
  }

  private mutating func text(_ spec: SPFMacroString) async -> [UInt8] {
    if spec.usesValidatedName { values.validatedName = await validatedName() }
    return spec.expanded(values)
  }

  /// `%{p}` (RFC 7208 §7.3): the domain itself, else a name below it, else any.
  private mutating func validatedName() async -> [UInt8] {
    let names = (try? await validatedNames(isMechanism: false)) ?? []
    guard !names.isEmpty else { return Array("unknown".utf8) }
    let domain = DomainName(octets: values.domain)
    let best = names.first { $0 == domain } ?? names.first { name in domain.map { name.isWithin($0) } ?? false }
    return Array((best ?? names[0]).ascii.utf8)
  }

  /// The names of the client that lead back to it (RFC 7208 §5.5). What cannot be looked up is left out.
  private mutating func validatedNames(isMechanism: Bool) async throws(SPFStop) -> [DomainName] {
    if let validated { return validated }
    validated = []
    let address = values.address
    guard let answer = try? await dns.ptr(address) else { return [] }
    if isMechanism { try note(answer) }
    var found: [DomainName] = []
    for name in answer.values.prefix(SPFCheck.nameLimit) {
      let addresses = try? await (address.isIPv4 ? dns.a(name) : dns.aaaa(name)).values
      if addresses?.contains(address) ?? false { found.append(name) }
    }
    validated = found
    return found
  }

  // MARK: Explanations

  /// What the domain's owner says (RFC 7208 §6.2). `nil`: nothing that could be passed on.
  mutating func explanation(_ finding: Finding) async -> String? {
    guard let spec = finding.explanation else { return nil }
    values.domain = finding.domain
    guard let name = DomainName(octets: await expand(spec)), let texts = try? await dns.txt(name).values,
      texts.count == 1, texts[0].utf8.count <= SPFRecord.longest,
      let words = try? SPFMacroString(Array(texts[0].utf8)[...], as: .explanation)
    else { return nil }
    let bytes = await text(words)
    guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
