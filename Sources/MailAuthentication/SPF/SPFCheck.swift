public import Platform
public import Resolver

/// The Sender Policy Framework, version 1 (RFC 7208): whether the owner of a domain lets an address send mail in its name.
///
///     record of the domain ──▶ parsed whole ──▶ directives in order ──▶ the first that matches decides
///                                                  │ include, redirect: another domain's record
///                                                  └ a, mx, ptr, exists: look-ups, of which there are 10 in all
///
/// Whatever the records say, a check ends after a bounded number of look-ups: 11 records, 10 × 11 addresses, an
/// explanation.
public struct SPFCheck: Sendable {
  /// RFC 7208 §4.6.4: terms that cause look-ups.
  static let lookupLimit = 10
  /// Names of an MX or PTR answer that are looked up.
  static let nameLimit = 10
  /// Look-ups that find nothing.
  static let voidLimit = 2

  let dns: any DNS
  let receiver: String
  let clock: Clock

  /// - Parameter receiver: this host's name, for explanations.
  public init(dns: any DNS, receiver: String = "unknown", clock: Clock = .system) {
    self.dns = dns
    self.receiver = receiver
    self.clock = clock
  }

  /// `check_host()` for the reverse-path, or for the HELO name where that is empty (RFC 7208 §2.4).
  ///
  /// - Parameters:
  ///   - sender: the reverse-path as it came, without brackets; any text. Empty for `<>`.
  ///   - helo: the argument of HELO or EHLO as it came.
  public func check(address: IPAddress, helo: String, sender: String) async -> SPFOutcome {
    let identity: SPFOutcome.Identity = sender.isEmpty ? .helo : .mailfrom
    let (local, domain) = sender.isEmpty ? ("postmaster", helo) : Self.split(sender)
    var evaluation = SPFEvaluation(
      dns: dns,
      values: SPFMacroValues(
        local: Array(local.utf8), senderDomain: Array(domain.utf8), domain: Array(domain.utf8), address: address,
        helo: Array(helo.utf8), receiver: Array(receiver.utf8), now: clock.now()))
    var outcome = SPFOutcome(
      result: .none, identity: identity, sender: "\(local)@\(domain)", domain: domain.lowercased())
    do throws(SPFStop) {
      let found = try await evaluation.result(for: Array(domain.utf8))
      outcome.result = found.result
      outcome.mechanism = found.mechanism
      if found.result == .fail { outcome.explanation = await evaluation.explanation(found) }
    } catch {
      switch error {
      case .temporary(let why): (outcome.result, outcome.problem) = (.temperror, why)
      case .permanent(let why): (outcome.result, outcome.problem) = (.permerror, why)
      }
    }
    outcome.lookups = evaluation.lookups
    return outcome
  }

  /// RFC 7208 §4.3: a sender without a local part is postmaster.
  private static func split(_ sender: String) -> (local: String, domain: String) {
    guard let at = sender.lastIndex(of: "@") else { return ("postmaster", sender) }
    let local = String(sender[..<at])
    return (local.isEmpty ? "postmaster" : local, String(sender[sender.index(after: at)...]))
  }
}
