internal import Platform
internal import Resolver

/// The machine: its address, its name, its mail port.
extension DomainCheck {
  func dnssec() async -> DomainFinding {
    var finding = DomainFinding("DNSSEC")
    for name in setup.host.isWithin(setup.domain) ? [setup.domain] : [setup.domain, setup.host] {
      switch await look({ dns async throws(DNSFailure) in try await dns.records(.soa, of: name) }) {
      case .failure(let why): finding.fault("\(why).")
      case .answer(let answer) where answer.isSecure: finding.good("\(name) is signed.")
      case .answer:
        finding.advise(
          "\(name) is not signed: anybody on the way can change what its records say. Have your DNS provider sign the zone."
        )
      }
    }
    return finding
  }

  /// A and AAAA together; failures become sentences.
  private func addresses(_ name: DomainName, _ finding: inout DomainFinding) async -> [IPAddress] {
    var found: [IPAddress] = []
    for answer in [
      await look({ dns async throws(DNSFailure) in try await dns.a(name) }),
      await look({ dns async throws(DNSFailure) in try await dns.aaaa(name) }),
    ] {
      switch answer {
      case .failure(let why): finding.fault("\(why).")
      case .answer(let answer): found += answer.values
      }
    }
    return found
  }

  func address() async -> DomainFinding {
    var finding = DomainFinding("Address")
    let found = await addresses(setup.host, &finding)
    let needed = setup.records.filter { $0.name == setup.host && ($0.type == .a || $0.type == .aaaa) }
    if found.isEmpty, finding.state == .good {
      finding.fault("\(setup.host) has no address.", needed.first)
    } else if !found.isEmpty {
      finding.good("\(setup.host) is \(found.map(\.description).joined(separator: ", ")).")
    }
    for address in found where address.isInternal {
      finding.fault("\(address) is no address on the internet: nobody out there reaches it.")
    }
    for record in needed where !found.isEmpty {
      guard case .address(let own) = record.record, !found.contains(own) else { continue }
      finding.advise("\(setup.host) does not lead to \(own), which this machine has.", record)
    }
    let foreign = found.filter { !setup.addresses.contains($0) && !$0.isInternal }
    if !setup.addresses.isEmpty, !foreign.isEmpty {
      finding.advise(
        "No interface of this machine has \(foreign.map(\.description).joined(separator: ", ")): is a router before it?"
      )
    }
    return finding
  }

  /// Many servers take no mail from an address whose name does not lead back to it.
  func reverse() async -> DomainFinding {
    var finding = DomainFinding("IPREV")
    let found = await addresses(setup.host, &finding)
    for address in found {
      let needed = NeededRecord(
        .reverse(of: address), .ptr, .name(setup.host), .needed,
        "The address leads back to the name; whoever gave you the address can set it.")
      switch await look({ dns async throws(DNSFailure) in try await dns.ptr(address) }) {
      case .failure(let why): finding.fault("\(why).", needed)
      case .answer(let answer) where answer.values.contains(setup.host):
        finding.good("\(address) leads back to \(setup.host).")
        if answer.values.count > 1 { finding.advise("\(address) has \(answer.values.count) names; one is best.") }
      case .answer(let answer) where answer.values.isEmpty: finding.fault("\(address) has no name.", needed)
      case .answer(let answer):
        finding.fault(
          "\(address) is called \(answer.values.map(\.description).joined(separator: ", ")), not \(setup.host).", needed
        )
      }
    }
    if found.isEmpty, finding.state == .good { finding.fault("\(setup.host) has no address.") }
    return finding
  }

  /// The mail exchangers in order, or sentences.
  func exchangers(_ finding: inout DomainFinding) async -> [MXRecord] {
    switch await look({ dns async throws(DNSFailure) in try await dns.mx(setup.domain) }) {
    case .failure(let why): finding.fault("\(why).")
    case .answer(let answer):
      return answer.values.sorted { ($0.preference, $0.exchange.ascii) < ($1.preference, $1.exchange.ascii) }
    }
    return []
  }

  func mx() async -> DomainFinding {
    var finding = DomainFinding("MX")
    let found = await exchangers(&finding)
    guard let best = found.first else {
      if finding.state == .good { finding.fault("\(setup.domain) has no MX record.", setup.mx) }
      return finding
    }
    let list = found.map { "\($0.preference) \($0.exchange)" }.joined(separator: ", ")
    if found.contains(where: \.exchange.isRoot) {
      finding.fault("\(setup.domain) says that it takes no mail (null MX): \(list).", setup.mx)
    } else if !found.contains(where: { $0.exchange == setup.host }) {
      finding.fault("Mail for \(setup.domain) does not come to this machine, but to \(list).", setup.mx)
    } else if !found.contains(where: { $0.exchange == setup.host && $0.preference == best.preference }) {
      finding.advise("Another server comes before this machine: \(list).", setup.mx)
    } else {
      finding.good("Mail for \(setup.domain) comes to \(list).")
    }
    for exchange in Set(found.map(\.exchange)).sorted(by: { $0.ascii < $1.ascii }) where !exchange.isRoot {
      // RFC 2181 §10.3: what an MX names must not be an alias.
      if case .answer(let alias) = await look({ dns async throws(DNSFailure) in try await dns.cname(exchange) }),
        let target = alias.values.first
      {
        finding.fault("\(exchange) is an alias of \(target), which an MX must not name.")
      }
      if exchange != setup.host, await addresses(exchange, &finding).isEmpty {
        finding.fault("\(exchange) has no address.")
      }
    }
    return finding
  }

  func mxTLS() async -> DomainFinding {
    var finding = DomainFinding("TLS of the MX")
    guard let probe else {
      finding.good("Not tried.")
      return finding
    }
    let found = await exchangers(&finding).map(\.exchange).filter { !$0.isRoot }
    for exchange in found.isEmpty ? [setup.host] : Array(Set(found)).sorted(by: { $0.ascii < $1.ascii }) {
      switch await probe(exchange) {
      case .verified(let words): finding.good("\(exchange): \(words).")
      case .unverified(let words):
        finding.advise(
          "\(exchange) has TLS, and its certificate does not hold: \(words). MTA-STS, and servers that are strict, need a "
            + "valid one.")
      case .withoutTLS(let words): finding.fault("\(exchange) has no TLS: \(words).")
      case .unreachable(let words):
        finding.advise(
          "\(exchange) could not be connected to from here (many networks do not let port 25 out): \(words).")
      }
    }
    return finding
  }

  func dane() async -> DomainFinding {
    var finding = DomainFinding("DANE")
    switch await look({ dns async throws(DNSFailure) in try await dns.tlsa(setup.host) }) {
    case .failure(let why): finding.fault("\(why): servers that know DANE send nothing until it is put right.")
    case .answer(let answer) where answer.values.isEmpty:
      guard let needed = setup.tlsa else {
        finding.advise("There is no TLSA record, and no certificate here to make one for.")
        return finding
      }
      if answer.isSecure {
        finding.missing("There is no TLSA record for \(setup.host), whose zone is signed.", needed)
      } else {
        finding.advise("There is no TLSA record for \(setup.host); it has effect when the zone is signed.", needed)
      }
    case .answer(let answer): judge(answer, &finding)
    }
    return finding
  }

  private func judge(_ answer: DNSAnswer<TLSARecord>, _ finding: inout DomainFinding) {
    if !answer.isSecure {
      finding.advise("There are TLSA records, and no effect: the zone of \(setup.host) is not signed.")
    }
    guard let own = setup.association else {
      return finding.good(
        "There are \(answer.values.count) TLSA records; there is no certificate here to compare with.")
    }
    if answer.values.contains(own) { return finding.good("The TLSA record fits the key in use.") }
    // Others (a whole certificate, an authority's) can fit too, but not what we can compute here of the same form.
    let comparable = answer.values.filter { ($0.usage, $0.selector, $0.matchingType) == (3, 1, 1) }
    if comparable.count == answer.values.count {
      finding.fault(
        "No TLSA record fits the key in use: servers that know DANE send nothing to this machine.", setup.tlsa)
    } else {
      finding.advise(
        "Whether the TLSA records fit the certificate in use is not known; one that surely does:", setup.tlsa)
    }
  }
}
