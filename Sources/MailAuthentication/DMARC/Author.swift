public import Message
public import Resolver

/// Who a message says that it is from, as DMARC needs it (RFC 7489 §6.6.1).
public enum Author: Sendable, Hashable {
  /// One From field, whose addresses are all of this domain.
  case domain(DomainName)
  /// One From field whose address has no domain that the DNS could know: bounces of old systems have it.
  case unknown
  /// No From field, or nothing in it.
  case missing
  /// Several From fields, or addresses of several domains: nobody could say which one a reader sees.
  case several

  public init(_ header: HeaderSection) {
    let fields = header.all("From")
    guard let field = fields.first else {
      self = .missing
      return
    }
    guard fields.count == 1 else {
      self = .several
      return
    }
    let mailboxes = AddressList(field.body).mailboxes
    guard !mailboxes.isEmpty else {
      self = .missing
      return
    }
    let domains = Set(mailboxes.map { Self.domain($0.domain) })
    guard domains.count == 1, let domain = domains.first else {
      self = .several
      return
    }
    self = domain.map { .domain($0) } ?? .unknown
  }

  private static func domain(_ bytes: [UInt8]) -> DomainName? {
    bytes.isEmpty ? nil : DomainName(String(decoding: bytes, as: UTF8.self)).flatMap { $0.isRoot ? nil : $0 }
  }
}
