public import Resolver

/// A record that a domain needs, and what for.
public struct NeededRecord: Sendable, Hashable {
  public enum Weight: String, Sendable, Hashable {
    /// Without it mail does not arrive, or is not believed.
    case needed
    /// Mail is safer or easier to set up with it.
    case recommended
  }

  public var name: DomainName
  public var type: DNSRecordType
  public var record: DNSRecord
  public var weight: Weight
  /// For the administrator: a sentence or two.
  public var purpose: String

  init(_ name: DomainName, _ type: DNSRecordType, _ record: DNSRecord, _ weight: Weight, _ purpose: String) {
    (self.name, self.type, self.record, self.weight, self.purpose) = (name, type, record, weight, purpose)
  }

  /// One line of a zone file.
  public var zoneLine: String { "\(name.zoneText) IN \(type) \(record.zoneText)" }
}

extension DomainSetup {
  /// All records that the domain and its host need, in the order in which one sets them up.
  public var records: [NeededRecord] {
    hostRecords + [mx] + senderRecords + transportRecords + serviceRecords
  }

  /// What no zone file of the domain can hold, and what is to be done besides: sentences.
  public var notes: [String] {
    var notes: [String] = []
    if addresses.isEmpty {
      notes.append(
        "\(host) needs an A record, and an AAAA record if it has IPv6: the address under which the internet reaches this "
          + "machine, which its interfaces do not know.")
    }
    notes.append(
      "The reverse zone, which belongs to whoever gave you the address, must lead back: "
        + (addresses.isEmpty
          ? "ADDRESS IN PTR \(host.zoneText)"
          : addresses.map { "\(DomainName.reverse(of: $0).zoneText) IN PTR \(host.zoneText)" }.joined(separator: ", ")))
    notes.append(
      "Forwarding: forwarded mail leaves with return addresses at \(host) (SRS), so that name needs the SPF record above, and "
        + "its mail must come to this machine: by its address, or by an MX record that names it.")
    if signingRecords == nil {
      notes.append("DKIM: the keys are not at hand; `postroom dkim list \(domain)` shows their records.")
    } else if signingKeys.isEmpty {
      notes.append("DKIM: mail of the domain is not signed yet. Make keys: postroom dkim new \(domain)")
    }
    notes.append(
      "MTA-STS: a web server with a certificate for mta-sts.\(domain) must answer "
        + "https://mta-sts.\(domain)/.well-known/mta-sts.txt with these lines: "
        + stsPolicy.split(separator: "\r\n").joined(separator: " / ")
        + ". Until it does, leave the two mta-sts records out.")
    if leavesElsewhere {
      notes.append("SPF: mail leaves through another server. Put what its provider asks for before ~all (include:…).")
    }
    return notes
  }

  private var hostRecords: [NeededRecord] {
    addresses.map { address in
      NeededRecord(
        host, address.isIPv4 ? .a : .aaaa, .address(address), .needed, "Where this machine is.")
    }
  }

  var mx: NeededRecord {
    NeededRecord(
      domain, .mx, .mx(MXRecord(preference: 10, exchange: host)), .needed, "Mail for the domain goes to this machine.")
  }

  var domainSPF: NeededRecord {
    NeededRecord(
      domain, .txt, .txt(leavesElsewhere ? "v=spf1 mx ~all" : "v=spf1 mx -all"), .needed,
      "SPF: only the domain's own mail server sends mail of the domain.")
  }

  var hostSPF: NeededRecord {
    NeededRecord(
      host, .txt, .txt("v=spf1 a -all"), .recommended,
      "SPF for the name in our greeting, for mail without a sender, such as notifications, and for mail that is forwarded: its "
        + "return addresses are at this name (SRS).")
  }

  /// `nil`: the domain's name is too long for it.
  var dmarc: NeededRecord? {
    domain.prepending("_dmarc").map { name in
      NeededRecord(
        name, .txt, .txt("v=DMARC1; p=none; rua=mailto:\(reportsTo)@\(domain)"), .needed,
        "DMARC: what others do with forged mail of the domain, and where they report. Raise p to quarantine, then to "
          + "reject, when the reports show nothing but your own mail passing.")
    }
  }

  /// The keys of DKIM (RFC 6376 §3.6.2.1).
  var signingKeys: [NeededRecord] {
    (signingRecords ?? []).compactMap { key in
      domain.prepending(key.selector, "_domainkey").map {
        NeededRecord($0, .txt, .txt(key.text), .needed, "DKIM: the key with which mail of the domain is signed.")
      }
    }
  }

  private var senderRecords: [NeededRecord] {
    [domainSPF, host == domain ? nil : hostSPF].compactMap { $0 } + signingKeys + [dmarc].compactMap { $0 }
  }

  var tlsa: NeededRecord? {
    guard let association, let name = host.prepending("_25", "_tcp") else { return nil }
    return NeededRecord(
      name, .tlsa, .tlsa(association), .recommended,
      "DANE: other servers accept this key only. It has effect where the zone of the host is signed (DNSSEC); publish the "
        + "next key's record before you change the key.")
  }

  func tlsReporting(_ name: DomainName?) -> NeededRecord? {
    name.map { name in
      NeededRecord(
        name, .txt, .txt("v=TLSRPTv1; rua=mailto:\(reportsTo)@\(domain)"), .recommended,
        "TLSRPT: where other servers report trouble with TLS.")
    }
  }

  var domainTLSReporting: NeededRecord? { tlsReporting(domain.prepending("_smtp", "_tls")) }
  var hostTLSReporting: NeededRecord? { tlsReporting(host.prepending("_smtp", "_tls")) }

  var sts: NeededRecord? {
    domain.prepending("_mta-sts").map { name in
      NeededRecord(
        name, .txt, .txt("v=STSv1; id=\(stsID)"), .recommended,
        "MTA-STS: other servers insist on TLS with a valid certificate. The id must change with the policy.")
    }
  }

  var stsHost: NeededRecord? {
    domain.prepending("mta-sts").map { name in
      NeededRecord(name, .cname, .name(host), .recommended, "MTA-STS: the host with the policy.")
    }
  }

  private var transportRecords: [NeededRecord] {
    let reporting = host == domain ? [domainTLSReporting] : [domainTLSReporting, hostTLSReporting]
    return ([tlsa] + reporting + [sts, stsHost]).compactMap { $0 }
  }

  /// RFC 6186 §3.4: the root as the target says that there is no such service.
  var services6186: [NeededRecord] {
    let all = services + ["_pop3s", "_pop3"].map { Service(label: $0, port: 0, isEnabled: false) }
    return all.compactMap { service in
      domain.prepending(service.label, "_tcp").map { name in
        NeededRecord(
          name, .srv,
          .srv(
            SRVRecord(
              priority: 0, weight: service.isEnabled ? 1 : 0,
              port: UInt16(clamping: service.isEnabled ? service.port : 0),
              target: service.isEnabled ? host : .root)), .recommended,
          service.isEnabled ? "Mail programs find the service by it." : "Mail programs need not look for this service.")
      }
    }
  }

  var autoconfig: NeededRecord? {
    domain.prepending("autoconfig").map { name in
      NeededRecord(
        name, .cname, .name(host), .recommended, "Thunderbird looks there for its settings (a web server must answer).")
    }
  }

  var autodiscover: NeededRecord? {
    domain.prepending("_autodiscover", "_tcp").map { name in
      NeededRecord(
        name, .srv, .srv(SRVRecord(priority: 0, weight: 1, port: 443, target: host)), .recommended,
        "Outlook looks there for its settings (a web server must answer).")
    }
  }

  private var serviceRecords: [NeededRecord] { services6186 + [autoconfig, autodiscover].compactMap { $0 } }
}
