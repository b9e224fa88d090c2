import Configuration
import MailFlow
import Network
import Platform
import Resolver
import SMTP
import Testing

@testable import Relay

/// Who decides what TLS must do: the whole table.
@Suite("Precedence of transport security") struct DecisionTests {
  static let record = TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [1])
  static let base = DomainName("mx.example.net")!
  static let naming = STSFinding.policy(STSPolicy(mode: .enforce, patterns: ["*.example.net"], maxAge: 60))
  static let excluding = STSFinding.policy(STSPolicy(mode: .enforce, patterns: ["mail.example.org"], maxAge: 60))
  static let testing = STSFinding.policy(STSPolicy(mode: .testing, patterns: ["*.example.net"], maxAge: 60))
  static let lost = STSFinding.failed(STSFailure(kind: .fetch, reason: "nobody answers"))
  static let usable = TLSAFinding.usable([record], base: base)
  static let bogus = TLSAFinding.failed("it is bogus")

  /// What a decision comes to, in a word.
  enum Word: String, Hashable, Sendable {
    case none, offered, encrypted, certificate, dane
    case certificateAndRequireTLS, daneAndRequireTLS
    case skip, unfit
  }

  func facts(
    _ wish: TransportWish, _ mode: Configuration.TLSPolicy.Mode, _ tlsa: TLSAFinding, _ sts: STSFinding,
    proven: Bool = false
  ) -> SecurityFacts {
    SecurityFacts(
      host: "mx.example.net", domain: "example.net", isHostProven: proven, wish: wish, mode: mode, tlsa: tlsa, sts: sts)
  }

  func word(_ decision: SecurityDecision) -> Word {
    switch decision {
    case .skip: return .skip
    case .unfit: return .unfit
    case .use(let security):
      switch security.level {
      case .none: return .none
      case .offered: return .offered
      case .encrypted: return .encrypted
      case .certificate: return security.demandsRequireTLS ? .certificateAndRequireTLS : .certificate
      case .dane: return security.demandsRequireTLS ? .daneAndRequireTLS : .dane
      }
    }
  }

  struct Row: Sendable, CustomStringConvertible {
    var mode: Configuration.TLSPolicy.Mode
    var tlsa: TLSAFinding
    var sts: STSFinding
    /// With nothing said, with TLS-Required: No, with REQUIRETLS (host not proven), with REQUIRETLS (host proven).
    var words: [Word]

    init(_ mode: Configuration.TLSPolicy.Mode, _ tlsa: TLSAFinding, _ sts: STSFinding, _ words: Word...) {
      (self.mode, self.tlsa, self.sts, self.words) = (mode, tlsa, sts, words)
    }

    var description: String { "\(mode) \(tlsa) \(sts)" }
  }

  static let table: [Row] = [
    // As the domain wants it.
    Row(.automatic, .absent, .absent, .offered, .offered, .unfit, .certificateAndRequireTLS),
    Row(.automatic, .absent, naming, .certificate, .offered, .certificateAndRequireTLS, .certificateAndRequireTLS),
    Row(.automatic, .absent, excluding, .skip, .offered, .unfit, .unfit),
    Row(.automatic, .absent, testing, .offered, .offered, .certificateAndRequireTLS, .certificateAndRequireTLS),
    Row(.automatic, .absent, lost, .offered, .offered, .skip, .certificateAndRequireTLS),
    Row(.automatic, usable, .absent, .dane, .offered, .unfit, .daneAndRequireTLS),
    // MTA-STS never overrides DANE: neither allows nor forbids.
    Row(.automatic, usable, naming, .dane, .offered, .daneAndRequireTLS, .daneAndRequireTLS),
    Row(.automatic, usable, excluding, .dane, .offered, .unfit, .daneAndRequireTLS),
    Row(.automatic, bogus, .absent, .skip, .offered, .skip, .skip),
    Row(.automatic, bogus, naming, .skip, .offered, .skip, .skip),
    Row(.automatic, .unusable, .absent, .encrypted, .offered, .unfit, .certificateAndRequireTLS),
    Row(.automatic, .unusable, naming, .certificate, .offered, .certificateAndRequireTLS, .certificateAndRequireTLS),
    // What is configured is the least, whatever the sender waives.
    Row(.require, .absent, .absent, .encrypted, .encrypted, .unfit, .certificateAndRequireTLS),
    Row(.require, usable, .absent, .dane, .encrypted, .unfit, .daneAndRequireTLS),
    Row(.require, .absent, naming, .certificate, .encrypted, .certificateAndRequireTLS, .certificateAndRequireTLS),
    Row(.require, bogus, .absent, .skip, .encrypted, .skip, .skip),
    Row(.verify, .absent, .absent, .certificate, .certificate, .unfit, .certificateAndRequireTLS),
    Row(.verify, usable, .absent, .dane, .dane, .unfit, .daneAndRequireTLS),
    Row(.verify, .unusable, .absent, .certificate, .certificate, .unfit, .certificateAndRequireTLS),
    Row(.verify, .absent, excluding, .skip, .certificate, .unfit, .unfit),
    Row(.dane, usable, .absent, .dane, .dane, .unfit, .daneAndRequireTLS),
    Row(.dane, .absent, naming, .skip, .skip, .skip, .skip),
    Row(.dane, .unusable, .absent, .skip, .skip, .unfit, .skip),
    Row(.dane, bogus, .absent, .skip, .skip, .skip, .skip),
    // What is configured may also be less than the domain wants, but never less than the sender demands.
    Row(.opportunistic, usable, naming, .offered, .offered, .daneAndRequireTLS, .daneAndRequireTLS),
    Row(.opportunistic, bogus, excluding, .offered, .offered, .skip, .skip),
    Row(.none, usable, naming, .none, .none, .unfit, .unfit),
    Row(.none, .absent, .absent, .none, .none, .unfit, .unfit),
  ]

  @Test(arguments: table) func theTable(_ row: Row) {
    func decide(_ wish: TransportWish, proven: Bool = false) -> Word {
      word(SecurityDecision(facts(wish, row.mode, row.tlsa, row.sts, proven: proven)))
    }
    #expect(
      [decide(.standard), decide(.waived), decide(.required), decide(.required, proven: true)] == row.words)
  }

  @Test func theNamesThatDANELooksFor() {
    func names(proven: Bool, base: String = "mx.example.net") -> [String]? {
      let tlsa = TLSAFinding.usable([Self.record], base: DomainName(base)!)
      guard
        case .use(let security) = SecurityDecision(facts(.standard, .automatic, tlsa, .absent, proven: proven)),
        case .dane(_, let found, let names) = security.level
      else { return nil }
      #expect(found == base)
      return names
    }
    #expect(names(proven: false) == [])
    #expect(names(proven: true) == ["example.net"])
    #expect(names(proven: true, base: "host.example.org") == ["mx.example.net", "example.net"])
  }
}
