internal import Configuration
internal import MailFlow

/// One way of speaking with one destination: what the dispatcher keeps apart, and couriers serve.
///
/// Mail through one server is one lane, whatever its domains. Mail that goes directly has a lane for each domain, so a
/// domain whose servers are dead holds up no other.
struct Lane: Sendable, Hashable {
  let way: Configuration.WayOut
  /// The destination of what goes directly; of no meaning for a server that the file names.
  let domain: String
  /// What its messages want of TLS. They share no connection with others: what is good enough for one may not be for the
  /// other.
  let wish: TransportWish

  init(way: Configuration.WayOut, domain: String, wish: TransportWish = .standard) {
    self.way = way
    self.domain = domain
    // What the configuration asks of a server that it names nobody can waive.
    if case .hop = way, wish == .waived { self.wish = .standard } else { self.wish = wish }
  }

  /// What tells it from others.
  var key: String {
    switch wish {
    case .standard: wayKey
    case .required: wayKey + " requiretls"
    case .waived: wayKey + " waived"
    }
  }

  private var wayKey: String {
    switch way {
    case .hop(let hop): "\(hop.address) \(hop.tls.rawValue) \(hop.user ?? "")"
    case .direct: "mx \(domain)"
    }
  }

  /// For people: the host with its port, or the domain.
  var name: String {
    switch way {
    case .hop(let hop): "\(hop.address)"
    case .direct: domain
    }
  }

  /// The name of a lane of which only the key is known: one that was in trouble when the last process ended.
  static func name(ofKey key: String) -> String {
    let words = key.split(separator: " ")
    guard let first = words.first else { return key }
    return String(first == "mx" && words.count > 1 ? words[1] : first)
  }
}
