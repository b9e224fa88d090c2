import Configuration
import MailAuthentication
import NIOPosix
import Platform
import Resolver
import Store

extension Command {
  /// Keys of DKIM: made, listed, replaced.
  static let signing: [Command] = [
    Command("dkim new") { arguments, office, emit in
      let domain = try Self.ownDomain(arguments, office)
      let made = try await Self.makeKeys(domain, office, begins: .zero)
      for key in made { try await emit(try KeyLine(key, now: Clock.system.now()).row) }
    },
    Command("dkim list") { arguments, office, emit in
      let domain = arguments["domain"]?.lowercased()
      let now = Clock.system.now()
      for key in try await office.store.read({ try $0.signingKeys(domain: domain) }) {
        try await emit(try KeyLine(key, now: now).row)
      }
    },
    Command("dkim rotate") { arguments, office, emit in
      let domain = try Self.ownDomain(arguments, office)
      let days = try arguments.number("days", or: 2)
      guard days <= 60 else { throw CommandFailure(status: 2, "days is \(days): write at most 60") }
      let made = try await Self.makeKeys(domain, office, begins: .seconds(Int64(days) * 86_400))
      for key in made { try await emit(try KeyLine(key, now: Clock.system.now()).row) }
    },
  ]

  /// How long a key that signs no more is still to be published: what it has signed may be on its way.
  static let published = Duration.seconds(7 * 86_400)

  private static func ownDomain(_ arguments: Arguments, _ office: Office) throws -> String {
    let domain = try arguments.required("domain").lowercased()
    guard office.configuration.isLocal(domain: domain) || office.configuration.hostname == domain else {
      let known = office.configuration.domains.map(\.name).joined(separator: ", ")
      throw CommandFailure("\(domain) is no domain of the configuration: name one of \(known)")
    }
    return domain
  }

  /// A key of each algorithm, which take over from the domain's others after a while; those that have been of no use for
  /// long go.
  private static func makeKeys(_ domain: String, _ office: Office, begins: Duration) async throws -> [StoredSigningKey]
  {
    // Never on an event loop: an RSA key takes a while.
    let secrets = try await NIOThreadPool.singleton.runIfActive {
      try SigningAlgorithm.allCases.map { ($0, try SigningKey.make($0).secret) }
    }
    let now = Clock.system.now()
    return try await office.store.write { transaction in
      let known = try transaction.signingKeys(domain: domain)
      let start = known.contains { $0.signs(at: now) } ? now + begins : now
      for var key in known {
        if let ends = key.ends, ends + published < now {
          try transaction.removeSigningKey(domain: domain, selector: key.selector)
        } else if key.ends.map({ start < $0 }) ?? true {
          key.ends = max(start, key.begins)
          try transaction.setSigningKey(key)
        }
      }
      return try secrets.map { algorithm, secret in
        let key = StoredSigningKey(
          domain: domain, selector: selector(algorithm, now, among: known.map(\.selector)),
          algorithm: algorithm.rawValue, secret: secret, made: now, begins: start)
        try transaction.setSigningKey(key)
        return key
      }
    }
  }

  /// By the day, so that an administrator sees how old a key is: `s20261127r`, then `s20261127r2`.
  private static func selector(_ algorithm: SigningAlgorithm, _ now: Moment, among known: [String]) -> String {
    let day = "\(now)".prefix(10).filter { $0 != "-" }
    let base = "s\(day)" + (algorithm == .rsaSHA256 ? "r" : "e")
    var selector = base
    var number = 2
    while known.contains(selector) {
      selector = base + "\(number)"
      number += 1
    }
    return selector
  }
}

/// A key for a listing, with the record that the DNS must have.
private struct KeyLine: Encodable {
  let domain: String
  let selector: String
  let algorithm: String
  /// `signs`, `waits`, `retired`.
  let state: String
  let made: Moment
  let begins: Moment
  let ends: Moment?
  /// Where its record belongs, and the record's text.
  let name: String
  let record: String

  init(_ key: StoredSigningKey, now: Moment) throws {
    domain = key.domain
    selector = key.selector
    algorithm = key.algorithm
    state = key.signs(at: now) ? "signs" : key.begins > now ? "waits" : "retired"
    (made, begins, ends) = (key.made, key.begins, key.ends)
    name = "\(key.selector)._domainkey.\(key.domain)"
    record = try SigningKey(secret: key.secret).recordText
  }

  var row: ControlRow {
    get throws {
      var text = "\(domain): \(selector), \(algorithm), \(state)"
      if state == "waits" { text += " until \(begins)" }
      if let ends { text += state == "retired" ? " since \(ends)" : ", until \(ends)" }
      return try ControlRow(text: "\(text)\n  \(name). IN TXT \(DNSRecord.txt(record).zoneText)", self)
    }
  }
}
