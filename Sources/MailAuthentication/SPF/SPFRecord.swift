internal import Platform

/// A record as it is published (RFC 7208 §4.6.1): directives in order, and two modifiers.
struct SPFRecord: Sendable, Hashable {
  enum Mechanism: Sendable, Hashable {
    case all
    case include(SPFMacroString)
    /// Without a domain: that of the record. The prefix lengths are those for IPv4 and IPv6.
    case a(SPFMacroString?, Int, Int)
    case mx(SPFMacroString?, Int, Int)
    case ptr(SPFMacroString?)
    case ip4(IPNetwork)
    /// `nil`: written as an IPv4 address inside IPv6, which nobody has who comes by IPv4 (RFC 7208 §5).
    case ip6(IPNetwork?)
    case exists(SPFMacroString)
  }

  struct Directive: Sendable, Hashable {
    /// The result if the mechanism matches.
    var result: SPFResult
    var mechanism: Mechanism
    /// As it stands in the record.
    var text: String
  }

  /// Where terms end: nobody needs so many, and each costs time.
  static let longest = 64 << 10

  private(set) var directives: [Directive] = []
  private(set) var redirect: SPFMacroString?
  private(set) var explanation: SPFMacroString?

  var hasAll: Bool { directives.contains { $0.mechanism == .all } }

  /// Whether a text is a record of this version (RFC 7208 §4.5): `v=spf1` and a space or nothing.
  static func isRecord(_ text: String) -> Bool {
    let bytes = text.utf8
    let version = "v=spf1".utf8
    guard bytes.count >= version.count, zip(bytes, version).allSatisfy({ $0.lowered == $1 }) else { return false }
    return bytes.dropFirst(version.count).first.map { $0 == 32 } ?? true
  }

  /// Reads a record. Any error anywhere in it makes the whole of it void (RFC 7208 §4.6).
  init(_ text: String) throws(SPFStop) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.longest else { throw .permanent("its SPF record is longer than \(Self.longest) octets") }
    for term in bytes.split(separator: 32).dropFirst() {
      do throws(SPFStop) {
        try add(term)
      } catch {
        guard case .permanent(let why) = error else { throw error }
        throw .permanent("\(Self.shown(term)): \(why)")
      }
    }
  }

  private static func shown(_ term: Octets) -> String {
    let shown = term.prefix(100).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
    return "the term \(String(decoding: shown, as: UTF8.self))"
  }

  private mutating func add(_ term: Octets) throws(SPFStop) {
    // RFC 7208 §4.6.1: a modifier has its = right behind the name, before any : or /.
    let name = term.prefix { $0.isAlphanumeric || $0 == 45 || $0 == 95 || $0 == 46 }
    if name.endIndex < term.endIndex, term[name.endIndex] == UInt8(ascii: "=") {
      guard let first = name.first, first.isLetter else { throw .permanent("it is no modifier") }
      return try addModifier(name, term[(name.endIndex + 1)...])
    }
    directives.append(try Self.directive(term))
  }

  private mutating func addModifier(_ name: Octets, _ value: Octets) throws(SPFStop) {
    if name.equalsIgnoringCase("redirect") {
      guard redirect == nil else { throw .permanent("there are two of them") }
      redirect = try SPFMacroString(value, as: .domain)
    } else if name.equalsIgnoringCase("exp") {
      guard explanation == nil else { throw .permanent("there are two of them") }
      explanation = try SPFMacroString(value, as: .domain)
    } else {
      _ = try SPFMacroString(value, as: .modifier)
    }
  }

  private static func directive(_ term: Octets) throws(SPFStop) -> Directive {
    var rest = term
    var result = SPFResult.pass
    switch rest.first {
    case UInt8(ascii: "+"): rest.removeFirst()
    case UInt8(ascii: "-"):
      result = .fail
      rest.removeFirst()
    case UInt8(ascii: "~"):
      result = .softfail
      rest.removeFirst()
    case UInt8(ascii: "?"):
      result = .neutral
      rest.removeFirst()
    default: break
    }
    let name = rest.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
    let argument = rest[name.endIndex...]
    return Directive(result: result, mechanism: try mechanism(name, argument), text: term.text)
  }

  /// - Parameter argument: what stands behind the name, its `:` or `/` included.
  private static func mechanism(_ name: Octets, _ argument: Octets) throws(SPFStop) -> Mechanism {
    switch name.lowercasedText {
    case "all":
      guard argument.isEmpty else { throw .permanent("all has no argument") }
      return .all
    case "include": return .include(try domain(argument))
    case "exists": return .exists(try domain(argument))
    case "ptr": return .ptr(argument.isEmpty ? nil : try domain(argument))
    case "a":
      let (domain, four, six) = try domainAndPrefixes(argument)
      return .a(domain, four, six)
    case "mx":
      let (domain, four, six) = try domainAndPrefixes(argument)
      return .mx(domain, four, six)
    case "ip4": return .ip4(try network(argument, bits: 32))
    case "ip6":
      let text = argument.dropFirst()
      // An address that stands for an IPv4 one is no IPv6 network; its prefix is checked all the same.
      if let address = IPAddress(text.prefix { $0 != UInt8(ascii: "/") }.text), address.isIPv4,
        text.contains(UInt8(ascii: ":"))
      {
        _ = try prefix(text.drop { $0 != UInt8(ascii: "/") }.dropFirst(), bits: 128, ifEmpty: 128)
        return .ip6(nil)
      }
      return .ip6(try network(argument, bits: 128))
    default: throw .permanent("there is no such mechanism")
    }
  }

  private static func domain(_ argument: Octets) throws(SPFStop) -> SPFMacroString {
    guard argument.first == UInt8(ascii: ":") else { throw .permanent("it needs a domain") }
    return try SPFMacroString(argument.dropFirst(), as: .domain)
  }

  /// `[":" domain-spec] ["/" bits] ["//" bits]`. A domain-spec may have a slash in it, so lengths are what stands at the
  /// very end.
  private static func domainAndPrefixes(_ argument: Octets) throws(SPFStop) -> (SPFMacroString?, Int, Int) {
    var rest = argument
    let slash = UInt8(ascii: "/")
    var (four, six) = (32, 128)
    let last = rest.reversed().prefix(while: \.isDigit).count
    if last > 0, rest.count >= last + 2, rest.dropLast(last).suffix(2).allSatisfy({ $0 == slash }) {
      six = try prefix(rest.suffix(last), bits: 128, ifEmpty: 128)
      rest = rest.dropLast(last + 2)
    }
    let next = rest.reversed().prefix(while: \.isDigit).count
    if next > 0, rest.dropLast(next).last == slash {
      four = try prefix(rest.suffix(next), bits: 32, ifEmpty: 32)
      rest = rest.dropLast(next + 1)
    }
    return (rest.isEmpty ? nil : try domain(rest), four, six)
  }

  private static func network(_ argument: Octets, bits: Int) throws(SPFStop) -> IPNetwork {
    guard argument.first == UInt8(ascii: ":") else { throw .permanent("it needs an address") }
    let text = argument.dropFirst()
    let address = text.prefix { $0 != UInt8(ascii: "/") }
    guard let parsed = IPAddress(address.text), parsed.bytes.count * 8 == bits else {
      throw .permanent("its address is none")
    }
    var length = bits
    if address.endIndex < text.endIndex {
      length = try prefix(text[(address.endIndex + 1)...], bits: bits, ifEmpty: nil)
    }
    guard let network = IPNetwork(parsed, prefix: length) else { throw .permanent("its network is none") }
    return network
  }

  /// A prefix length: digits without a leading zero, within range.
  private static func prefix(_ digits: Octets, bits: Int, ifEmpty: Int?) throws(SPFStop) -> Int {
    if digits.isEmpty, let ifEmpty { return ifEmpty }
    guard let number = digits.number, number <= bits, digits.count == 1 || digits.first != UInt8(ascii: "0") else {
      throw .permanent("its prefix length is none")
    }
    return Int(number)
  }
}
