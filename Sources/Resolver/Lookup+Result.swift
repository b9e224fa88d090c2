internal import CUnbound

extension Lookup {
  /// What libunbound found. The order matters: a bogus answer comes with SERVFAIL too.
  func read(_ result: ub_result) -> Result {
    if result.bogus != 0 {
      let why = result.why_bogus.map { String(cString: $0) } ?? "DNSSEC disproves the answer"
      return .failure(failure(.bogus, why))
    }
    let isSecure = result.secure != 0
    let final = result.canonname.flatMap { DomainName(String(cString: $0)) } ?? name
    let timeToLive = Duration.seconds(Int64(max(result.ttl, 0)))
    func answer(_ existence: DNSExistence, _ values: [DNSRecord]) -> Result {
      .success(
        DNSAnswer(existence: existence, values: values, name: final, isSecure: isSecure, timeToLive: timeToLive))
    }
    // RFC 1035 §4.1.1.
    switch result.rcode {
    case 0: return result.havedata != 0 ? answer(.records, records(result)) : answer(.noData, [])
    case 3: return answer(.noSuchName, [])
    case 2: return .failure(failure(.serverFailure, "the servers that should know it fail (SERVFAIL)"))
    case 5: return .failure(failure(.serverFailure, "the server refuses to answer (REFUSED)"))
    default: return .failure(failure(.serverFailure, "the server answers with error \(result.rcode)"))
    }
  }

  /// `data` and `len` are arrays of the same length; a null pointer ends the first.
  private func records(_ result: ub_result) -> [DNSRecord] {
    guard let data = result.data, let lengths = result.len else { return [] }
    var records: [DNSRecord] = []
    var index = 0
    while let start = data[index] {
      let bytes = [UInt8](UnsafeRawBufferPointer(start: start, count: Int(max(lengths[index], 0))))
      if let record = DNSRecord(type, bytes) { records.append(record) }
      index += 1
    }
    return records
  }
}
