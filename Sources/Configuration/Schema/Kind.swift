import Platform

/// What may be written as the value of a key, and how it is read.
struct Kind<Value: Sendable>: Sendable {
  /// Completes "write …": `a size such as "50 MiB"`.
  let expectation: String
  /// Reads a node; `nil` when it is not that.
  let read: @Sendable (TOMLNode) -> Value?
  /// Says what is wrong in particular where the kind knows better than "is not …".
  let complaint: @Sendable (TOMLNode) -> String?
  /// Parts of the value that are wrong by themselves, for lists: each is reported with its own line.
  let parts: @Sendable (TOMLNode) -> [Problem]

  init(
    _ expectation: String, complaint: @escaping @Sendable (TOMLNode) -> String? = { _ in nil },
    parts: @escaping @Sendable (TOMLNode) -> [Problem] = { _ in [] }, read: @escaping @Sendable (TOMLNode) -> Value?
  ) {
    self.expectation = expectation
    self.complaint = complaint
    self.parts = parts
    self.read = read
  }

  func map<Other: Sendable>(_ expectation: String? = nil, _ transform: @escaping @Sendable (Value) -> Other?) -> Kind<
    Other
  > {
    Kind<Other>(expectation ?? self.expectation, complaint: complaint, parts: parts) { read($0).flatMap(transform) }
  }
}

extension Kind where Value == String {
  /// A line of text.
  static let text = Kind(#"a text in quotes, without control characters"#) { node in
    guard case .string(let text) = node.value, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
    return text
  }

  static let nonEmptyText = Kind.text.map("a text in quotes, not empty and without control characters") {
    $0.isEmpty ? nil : $0
  }

  /// A file or folder.
  static let path = Kind.text.map(#"a path from the root, such as "/etc/postroom/key.pem""#) {
    $0.hasPrefix("/") && $0.utf8.count < 4096 ? $0 : nil
  }

  /// A host or domain name, in lower case.
  static let domainName = Kind.text.map(#"a domain name such as "example.org""#) {
    isDomainName($0) && $0.contains(".") && IPAddress($0) == nil ? $0.lowercased() : nil
  }

  /// A name that a person types at login.
  static let accountName = Kind.text.map(#"a name of letters, digits, ".", "-" and "_", such as "alice""#) { text in
    let allowed = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
      default: false
      }
    }
    return allowed && !text.isEmpty && text.utf8.count <= 64 && !text.hasPrefix(".") && !text.hasPrefix("-")
      ? text.lowercased() : nil
  }
}

extension Kind where Value == Bool {
  static let boolean = Kind("true or false, without quotes") { node in
    if case .boolean(let truth) = node.value { truth } else { nil }
  }
}

extension Kind where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Kind {
    Kind("a number from \(range.lowerBound) to \(range.upperBound), without quotes") { node in
      guard case .integer(let number) = node.value, let value = Int(exactly: number) else { return nil }
      return range.contains(value) ? value : nil
    }
  }

  /// Bytes, written as `"50 MiB"`.
  static func size(_ range: ClosedRange<Int>) -> Kind {
    let bounds = "from \"\(Quantity.size(range.lowerBound))\" to \"\(Quantity.size(range.upperBound))\""
    return Kind("a size such as \"50 MiB\", \(bounds)") { node in
      guard case .string(let text) = node.value, let value = Quantity.size(text) else { return nil }
      return range.contains(value) ? value : nil
    }
  }
}

extension Kind where Value == Duration {
  /// Written as `"30 s"` or `"5 days"`.
  static func duration(_ range: ClosedRange<Duration>) -> Kind {
    let bounds = "from \"\(Quantity.duration(range.lowerBound))\" to \"\(Quantity.duration(range.upperBound))\""
    return Kind("a time such as \"30 s\" or \"5 days\", \(bounds)") { node in
      guard case .string(let text) = node.value, let value = Quantity.duration(text) else { return nil }
      return range.contains(value) ? value : nil
    }
  }
}

extension Kind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the enumeration's words.
  static var choice: Kind {
    let words = Value.allCases.map { "\"\($0.rawValue)\"" }
    let list = words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    return Kind(list) { node in
      if case .string(let text) = node.value { Value(rawValue: text) } else { nil }
    }
  }
}

extension Kind where Value == Configuration.Address {
  static let address = Kind(#"an address such as "alice@example.org""#) { node in
    if case .string(let text) = node.value { Configuration.Address(text) } else { nil }
  }
}

extension Kind where Value == IPNetwork {
  static let network = Kind(
    #"an address or network such as "192.0.2.7", "192.0.2.0/24" or "2001:db8::/32""#,
    complaint: { node in
      guard case .string(let text) = node.value, let network = IPNetwork(text),
        let written = text.split(separator: "/").first, let address = IPAddress(written), address != network.base
      else { return nil }
      return "\(node.written) has bits behind its prefix: write \"\(network)\", or \"\(address)\" for the one address"
    }
  ) { node in
    guard case .string(let text) = node.value, let network = IPNetwork(text),
      let written = text.split(separator: "/").first, IPAddress(written) == network.base
    else { return nil }
    return network
  }
}

extension Kind where Value == HostPort {
  /// Where to listen: an address and a port.
  static let listen = Kind(
    #"an address with a port such as "[::]:25" (every address), "192.0.2.1:25" or "127.0.0.1:2525""#
  ) { node in
    guard case .string(let text) = node.value, let place = HostPort(text), IPAddress(place.host) != nil else {
      return nil
    }
    return place
  }

  /// A host elsewhere; port -1 where none is written.
  static let host = Kind(#"a host with or without a port, such as "smtp.example.net:587""#) { node in
    guard case .string(let text) = node.value else { return nil }
    if let place = HostPort(text), place.port > 0 {
      return IPAddress(place.host) != nil || isDomainName(place.host) ? place : nil
    }
    guard HostPort(text) == nil, let place = HostPort(text, defaultPort: 25) else { return nil }
    guard IPAddress(place.host) != nil || isDomainName(place.host) else { return nil }
    return HostPort(host: place.host, port: -1)
  }
}

extension Kind {
  /// A list; every element that is wrong is told by itself.
  static func list<Element: Sendable>(
    of element: Kind<Element>, count range: ClosedRange<Int> = 0...10_000
  ) -> Kind where Value == [Element] {
    let some = range.lowerBound > 0 ? "at least one" : "any number"
    return Kind(
      "a list in square brackets of \(some), each \(element.expectation)",
      parts: { node in
        guard case .array(let nodes) = node.value else { return [] }
        return nodes.filter { element.read($0) == nil }.map { part in
          if let complaint = element.complaint(part) {
            let pieces = complaint.split(separator: ": ", maxSplits: 1)
            if pieces.count == 2 { return Problem(line: part.line, String(pieces[0]), String(pieces[1])) }
          }
          return Problem(line: part.line, "\(part.written) is not possible here", "write \(element.expectation)")
        }
      }
    ) { node in
      guard case .array(let nodes) = node.value, range.contains(nodes.count) else { return nil }
      let values = nodes.compactMap(element.read)
      return values.count == nodes.count ? values : nil
    }
  }
}
