import Foundation
import Platform
import Resolver
import Testing

@testable import MailAuthentication

/// The openspf.org suite for RFC 7208, which is not part of this repository: `POSTROOM_SPF_SUITE` names its YAML as JSON, a
/// list of `{description, zone: [[name, type, values]], tests: [{name, helo, host, mailfrom, result, explanation}]}`.
@Suite struct PublishedSuiteTests {
  struct Scenario: Decodable {
    struct Case: Decodable {
      var name: String
      var helo: String
      var host: String
      var mailfrom: String
      var result: [String]
      var explanation: String?
    }

    enum Item: Decodable {
      case text(String)
      case list([String])

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
          self = .text(text)
        } else {
          self = .list(try container.decode([String].self))
        }
      }
    }

    var description: String
    var zone: [[Item]]
    var tests: [Case]
  }

  private static let path = ProcessInfo.processInfo.environment["POSTROOM_SPF_SUITE"]

  @Test(.enabled(if: path != nil)) func everyCase() async throws {
    let data = try Data(contentsOf: URL(filePath: try #require(Self.path)))
    for scenario in try JSONDecoder().decode([Scenario].self, from: data) {
      let dns = Self.zone(scenario)
      for test in scenario.tests {
        let outcome = await SPFCheck(dns: dns, receiver: "unknown").check(
          address: IPAddress(test.host)!, helo: test.helo, sender: test.mailfrom)
        #expect(
          test.result.contains(outcome.result.rawValue),
          "\(scenario.description): \(test.name): \(outcome.result) (\(outcome.problem ?? ""))")
        guard let explanation = test.explanation, outcome.result == .fail else { continue }
        #expect(outcome.explanation ?? "DEFAULT" == explanation, "\(scenario.description): \(test.name)")
      }
    }
  }

  private static func zone(_ scenario: Scenario) -> ZoneDNS {
    let dns = ZoneDNS()
    var hasTXT: Set<String> = []
    let rows: [(name: String, type: String, values: [String])] = scenario.zone.compactMap { row in
      guard case .text(let name) = row[0], case .text(let type) = row[1], case .list(let values) = row[2] else {
        return nil
      }
      if type == "TXT" { hasTXT.insert(name) }
      return (name, type, values)
    }
    for (name, type, values) in rows {
      switch type {
      case "TIMEOUT": dns.fail(name)
      case "TXT" where values != ["NONE"]: dns.txt(name, values.joined())
      case "SPF" where !hasTXT.contains(name): dns.txt(name, values.joined())
      case "A", "AAAA": if values != ["NONE"] { dns.host(name, values[0]) }
      case "MX": dns.mx(name, values[1].isEmpty ? "." : values[1])
      case "CNAME": dns.add(name, .cname, [.name(DomainName(octets: Array(values[0].utf8))!)])
      case "PTR": dns.add(name, .ptr, [.name(DomainName(octets: Array(values[0].utf8))!)])
      default: break
      }
    }
    return dns
  }
}
