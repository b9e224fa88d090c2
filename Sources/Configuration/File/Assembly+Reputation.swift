extension Assembly {
  func dnsLists() -> [Configuration.DNSList] {
    typealias Keys = Schema.DNSListTable
    var seen: [String: Int] = [:]
    return root.tables(Keys.schema).compactMap { section in
      let (kind, subject, codes) = (section.read(Keys.kind), section.read(Keys.subject), section.read(Keys.codes))
      let (score, limit) = (section.read(Keys.score), section.read(Keys.timeLimit))
      guard let zone = section.read(Keys.zone) else { return nil }
      if let earlier = seen.updateValue(section.line, forKey: "\(subject.rawValue) \(zone)") {
        findings.error(
          section.line(of: Keys.zone), "there is a dns-list \(zone) for \(subject.rawValue) already (line \(earlier))",
          "remove one of the two")
      }
      return Configuration.DNSList(
        zone: zone, kind: kind, subject: subject, codes: codes, score: score, timeLimit: limit)
    }
  }

  func greylisting() -> Configuration.Greylisting {
    typealias Keys = Schema.GreylistingTable
    let table = root.table(Keys.schema)
    return Configuration.Greylisting(
      enabled: table.read(Keys.enabled), fromScore: table.read(Keys.fromScore), delay: table.read(Keys.delay),
      keep: table.read(Keys.keep))
  }
}
