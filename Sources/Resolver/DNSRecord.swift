public import Platform

/// A type of records (RFC 1035 §3.2.2, and the registry of later ones).
public struct DNSRecordType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let a = DNSRecordType(rawValue: 1)
  public static let ns = DNSRecordType(rawValue: 2)
  public static let cname = DNSRecordType(rawValue: 5)
  public static let soa = DNSRecordType(rawValue: 6)
  public static let ptr = DNSRecordType(rawValue: 12)
  public static let mx = DNSRecordType(rawValue: 15)
  public static let txt = DNSRecordType(rawValue: 16)
  public static let aaaa = DNSRecordType(rawValue: 28)
  public static let srv = DNSRecordType(rawValue: 33)
  public static let ds = DNSRecordType(rawValue: 43)
  public static let tlsa = DNSRecordType(rawValue: 52)

  /// `MX`, or `TYPE99` for one that the room has no word for (RFC 3597 §5).
  public var description: String {
    switch self {
    case .a: "A"
    case .ns: "NS"
    case .cname: "CNAME"
    case .soa: "SOA"
    case .ptr: "PTR"
    case .mx: "MX"
    case .txt: "TXT"
    case .aaaa: "AAAA"
    case .srv: "SRV"
    case .ds: "DS"
    case .tlsa: "TLSA"
    default: "TYPE\(rawValue)"
    }
  }
}

/// The data of one record.
public enum DNSRecord: Hashable, Sendable {
  /// A or AAAA.
  case address(IPAddress)
  /// PTR, CNAME or NS.
  case name(DomainName)
  case mx(MXRecord)
  /// All character-strings of the record, joined.
  case txt(String)
  case srv(SRVRecord)
  case tlsa(TLSARecord)
  /// Of a type that the room does not read: the bytes as they came.
  case other([UInt8])
}

/// A mail exchanger (RFC 1035 §3.3.9).
public struct MXRecord: Hashable, Sendable {
  /// Lower ones first.
  public var preference: UInt16
  /// The root in a null MX (RFC 7505 §3).
  public var exchange: DomainName

  public init(preference: UInt16, exchange: DomainName) {
    self.preference = preference
    self.exchange = exchange
  }
}

/// Where a service is (RFC 2782).
public struct SRVRecord: Hashable, Sendable {
  /// Lower ones first.
  public var priority: UInt16
  /// A share among those of equal priority.
  public var weight: UInt16
  public var port: UInt16
  /// The root where the service is decidedly not available.
  public var target: DomainName

  public init(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName) {
    self.priority = priority
    self.weight = weight
    self.port = port
    self.target = target
  }
}
