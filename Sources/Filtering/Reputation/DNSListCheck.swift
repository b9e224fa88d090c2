internal import Configuration
internal import MailFlow
internal import Platform
internal import Resolver

/// Lists of addresses and domains in the DNS (RFC 5782): what they say of mail from outside.
///
///     no such name, no A record ──▶ not listed            127.255.255.x ──▶ unusable: unknown
///     A in 127.0.0.0/8          ──▶ listed, with a code   A elsewhere   ──▶ ignored: unknown
///     failure, late             ──▶ unknown
///
/// A hit counts only from a list that does not list everything: one whose domain was given up, and is answered by somebody
/// else for each name, has its entry for 127.0.0.1 too, which none may have (RFC 5782 §5).
struct DNSListCheck: ContentCheck {
  let test = "dns-list"
  private let dns: any DNS
  private let now: @Sendable () -> ContinuousClock.Instant

  init(dns: any DNS, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.dns = dns
    self.now = now
  }

  func applies(to message: JudgedMessage) -> Bool {
    !message.configuration.dnsLists.isEmpty && message.envelope.origin.isFromOutside
      && !DNSListQuestion.all(about: message).isEmpty
  }

  func examine(_ message: JudgedMessage) async -> CheckFindings {
    let questions = DNSListQuestion.all(about: message)
    let start = now()
    // Within the check's own time: the gateway would call it late, and nobody would know which list it was.
    let longest = (GatewayJudge.deadline(message.deadline, start) - start) * 3 / 4
    let factors = await withTaskGroup(of: (Int, Factor).self) { group in
      for (index, question) in questions.enumerated() {
        group.addTask { (index, await factor(question, until: start + min(question.list.timeLimit, longest))) }
      }
      var found: [Int: Factor] = [:]
      for await (index, factor) in group { found[index] = factor }
      return questions.indices.compactMap { found[$0] }
    }
    return CheckFindings(common: Opinion(factors: factors))
  }

  private func factor(_ question: DNSListQuestion, until end: ContinuousClock.Instant) async -> Factor {
    let dns = dns
    let finding =
      await before(end) { await Self.ask(question, dns) }
      ?? .unknown("it did not answer in time")
    let test = "dns-list \(question.list.zone)"
    switch finding {
    case .notListed: return Factor(test: test, reason: "it does not list \(question.about)")
    case .unknown(let reason): return Factor(test: test, reason: "unknown for \(question.about): \(reason)")
    case .listed(let codes):
      let answers = codes.map(\.description).joined(separator: ", ")
      return Factor(
        test: test, score: Self.score(codes, question.list), reason: "it lists \(question.about) (\(answers))")
    }
  }

  // MARK: Answers

  enum Finding: Equatable, Sendable {
    case listed([IPAddress])
    case notListed
    case unknown(String)
  }

  private static func ask(_ question: DNSListQuestion, _ dns: any DNS) async -> Finding {
    do {
      let finding = finding(try await dns.a(question.name))
      guard case .listed = finding, let never = question.neverListed, never != question.name else { return finding }
      switch Self.finding(try await dns.a(never)) {
      case .notListed: return finding
      case .listed, .unknown:
        return .unknown("it answers for \(never) too, which no list has: it is out of order or given up")
      }
    } catch {
      return .unknown("\(error)")
    }
  }

  /// What the A records say. They are sorted, so that the same answer gives the same words.
  static func finding(_ answer: DNSAnswer<IPAddress>) -> Finding {
    guard answer.existence == .records else { return .notListed }
    let all = answer.values.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    let codes = all.filter { $0.isIPv4 && $0.bytes[0] == 127 }
    // Publishers answer so whom they do not serve: who asks too much, or through a public resolver.
    if let code = codes.first(where: { $0.bytes[1] == 255 && $0.bytes[2] == 255 }) {
      return .unknown("it does not serve this resolver (\(code)): look at the terms of the list")
    }
    if !codes.isEmpty { return .listed(codes) }
    let words = all.prefix(3).map(\.description).joined(separator: ", ")
    return .unknown("it answers with \(words.isEmpty ? "nothing" : words), which is not in 127.0.0.0/8: ignored")
  }

  /// Of several codes the strongest counts.
  static func score(_ codes: [IPAddress], _ list: Configuration.DNSList) -> Double {
    let strongest = codes.map { list.codes[$0] ?? list.score }.max() ?? list.score
    return list.kind == .block ? strongest : 0 - strongest
  }
}
