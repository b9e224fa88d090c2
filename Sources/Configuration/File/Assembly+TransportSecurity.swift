extension Assembly {
  /// What TLS must do, by domain.
  func tlsPolicies(_ people: People, routes: [Configuration.Route]) -> [String: Configuration.TLSPolicy.Mode] {
    typealias Keys = Schema.TLSPolicyTable
    var seen: [String: Int] = [:]
    var modes: [String: Configuration.TLSPolicy.Mode] = [:]
    let routed = Set(routes.flatMap(\.domains))
    for section in root.tables(Keys.schema) {
      let domains = section.read(Keys.domains) ?? []
      for domain in domains {
        if people.isLocal(domain.value) {
          findings.error(
            domain.line, "there is a tls-policy for \(domain.value), whose mail ends here",
            "remove it, or the [[domain]]")
        }
        if routed.contains(domain.value) {
          findings.warning(
            domain.line, "the tls-policy for \(domain.value) has no effect, because there is a route for it",
            "write tls in the [[route]] instead")
        }
        if let earlier = seen.updateValue(domain.line, forKey: domain.value) {
          findings.error(
            domain.line, "there is a tls-policy for \(domain.value) already (line \(earlier))", "remove one of the two")
        }
      }
      guard let mode = section.read(Keys.mode) else { continue }
      for domain in domains { modes[domain.value] = mode }
    }
    return modes
  }
}
