internal import Message
internal import Resolver

/// Why a signature does not count.
struct DKIMProblem: Error {
  var result: DKIMResult
  /// Half a sentence.
  var reason: String

  init(_ result: DKIMResult, _ reason: String) {
    self.result = result
    self.reason = reason
  }
}

/// A DKIM-Signature field (RFC 6376 §3.5), or an ARC-Message-Signature, which differs in three tags (RFC 8617 §4.1.2).
struct DKIMSignature: Sendable {
  enum Kind {
    case dkim
    /// `i=` is the number of its set, and there is no `v=`.
    case arc
  }

  /// Names in `h=`; a list that is longer was made to hurt.
  static let nameLimit = 300

  let field: HeaderField
  let algorithm: SigningAlgorithm
  let signature: [UInt8]
  /// Where the value of `b=` stands in the header section.
  let signatureWritten: Range<Int>
  let bodyHash: [UInt8]
  let headerCanonicalization: Canonicalization
  let bodyCanonicalization: Canonicalization
  /// `d=`, in lower case.
  let domain: DomainName
  let selector: String
  /// `s=`, `_domainkey` and `d=`.
  let keyName: DomainName
  let names: [Octets]
  /// `i=`: the agent or user, as it stands.
  let identity: String
  let identityDomain: DomainName
  let length: Int64?
  let expires: Int64?

  init(_ field: HeaderField, _ tags: TagList, kind: Kind) throws(DKIMProblem) {
    self.field = field
    if kind == .dkim {
      guard let version = tags["v"] else { throw Self.missing("v") }
      guard version.equals("1") else { throw DKIMProblem(.neutral, "its version is not 1") }
    } else if tags["v"] != nil {
      throw DKIMProblem(.neutral, "it has a version, which it must not")
    }
    algorithm = try Self.algorithm(tags)
    guard let tag = tags.tag("b") else { throw Self.missing("b") }
    signature = try Self.base64(tag.value, "b")
    signatureWritten = tag.written
    bodyHash = try Self.base64(tags["bh"], "bh")
    (headerCanonicalization, bodyCanonicalization) = try Self.canonicalizations(tags["c"])
    (domain, selector, keyName) = try Self.key(tags)
    names = try Self.names(tags["h"], kind)
    let identity = kind == .dkim ? tags["i"] : nil
    (self.identity, identityDomain) = try Self.identity(identity, domain)
    length = try Self.number(tags["l"], "l")
    let (made, expires) = (try Self.number(tags["t"], "t"), try Self.number(tags["x"], "x"))
    if let made, let expires, expires <= made { throw DKIMProblem(.neutral, "it expires before it is made") }
    self.expires = expires
    if let methods = tags["q"], !TagList.colonList(methods).contains(where: { $0.equals("dns/txt") }) {
      throw DKIMProblem(.neutral, "its key is not in the DNS")
    }
  }

  /// What is known of a field that cannot be read: for reports.
  static func claimed(_ field: HeaderField) -> (domain: String?, selector: String?, identity: String?) {
    let tags = TagList(field.body)
    return (tags?["d"]?.lowercasedText, tags?["s"]?.text, tags?["i"]?.text)
  }

  private static func missing(_ tag: String) -> DKIMProblem { DKIMProblem(.neutral, "it has no \(tag)=") }

  static func algorithm(_ tags: TagList) throws(DKIMProblem) -> SigningAlgorithm {
    guard let name = tags["a"] else { throw missing("a") }
    guard let algorithm = SigningAlgorithm(rawValue: name.text) else {
      // RFC 8301 §3.1: a signature with it must not be taken for one.
      if name.equals("rsa-sha1") { throw DKIMProblem(.policy, "rsa-sha1 proves nothing any more") }
      throw DKIMProblem(.neutral, "its algorithm is unknown")
    }
    return algorithm
  }

  static func base64(_ value: Octets?, _ tag: String) throws(DKIMProblem) -> [UInt8] {
    guard let value else { throw missing(tag) }
    guard value.count <= 4096, let bytes = Base64.decode(value.withoutSpace), !bytes.isEmpty else {
      throw DKIMProblem(.neutral, "its \(tag)= is no base64")
    }
    return bytes
  }

  private static func canonicalizations(
    _ value: Octets?
  ) throws(DKIMProblem) -> (Canonicalization, Canonicalization) {
    guard let value else { return (.simple, .simple) }
    let parts = value.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let header = Canonicalization(rawValue: parts[0].text),
      let body = parts.count == 1 ? .simple : Canonicalization(rawValue: parts[1].text)
    else { throw DKIMProblem(.neutral, "its canonicalization is unknown") }
    return (header, body)
  }

  /// Where the key is (RFC 6376 §3.6.2.1).
  static func key(_ tags: TagList) throws(DKIMProblem) -> (DomainName, String, DomainName) {
    guard let domain = tags["d"] else { throw missing("d") }
    guard let selector = tags["s"] else { throw missing("s") }
    guard let name = domain.contains(where: { $0 >= 0x80 }) ? DomainName(domain.text) : DomainName(octets: domain),
      name.ascii.contains("."), let first = DomainName(octets: selector),
      let key = DomainName(octets: Array("\(first.ascii)._domainkey.\(name.ascii)".utf8))
    else { throw DKIMProblem(.neutral, "its domain or selector is no name") }
    return (name, selector.text, key)
  }

  private static func names(_ value: Octets?, _ kind: Kind) throws(DKIMProblem) -> [Octets] {
    guard let value else { throw missing("h") }
    let names = TagList.colonList(value)
    guard names.count <= nameLimit else { throw DKIMProblem(.neutral, "it covers more than \(nameLimit) fields") }
    guard names.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 > 32 && $0 < 127 } }) else {
      throw DKIMProblem(.neutral, "its h= has no field names")
    }
    // RFC 6376 §6.1.1.
    guard names.contains(where: { $0.equalsIgnoringCase("From") }) else {
      throw DKIMProblem(.permerror, "it does not cover From")
    }
    // RFC 8617 §4.1.2.
    if kind == .arc, names.contains(where: { $0.equalsIgnoringCase("ARC-Seal") }) {
      throw DKIMProblem(.neutral, "it covers a seal, which it must not")
    }
    return names
  }

  private static func identity(_ value: Octets?, _ domain: DomainName) throws(DKIMProblem) -> (String, DomainName) {
    guard let value else { return ("@\(domain)", domain) }
    guard let at = value.lastIndex(of: UInt8(ascii: "@")) else {
      throw DKIMProblem(.neutral, "its i= is no identity")
    }
    let text = value[(at + 1)...]
    guard let name = text.contains(where: { $0 >= 0x80 }) ? DomainName(text.text) : DomainName(octets: text),
      name.isWithin(domain)
    else { throw DKIMProblem(.neutral, "its i= is not within its d=") }
    return (value.text, name)
  }

  /// RFC 6376 §3.5: up to 76 digits for `l=`, 12 for `t=` and `x=`, and larger ones are no error.
  private static func number(_ value: Octets?, _ tag: String) throws(DKIMProblem) -> Int64? {
    guard let value else { return nil }
    guard let number = value.number, value.count <= 76 else {
      throw DKIMProblem(.neutral, "its \(tag)= is no number")
    }
    return number
  }
}
