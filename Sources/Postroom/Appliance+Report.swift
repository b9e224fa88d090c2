public import Administration
internal import Configuration
internal import Network
internal import Platform
internal import Relay

#if canImport(Glibc)
  import Glibc
#endif

extension Appliance {
  /// The state of each service and part, for `postroom status`.
  public func report() async -> RunningReport {
    let configuration = self.configuration
    guard let running else {
      return RunningReport(
        version: postroomVersion, processID: getpid(), startedAt: "", generation: configuration.generation,
        services: [],
        troubles: ["the appliance is not ready"])
    }
    let addresses = running.listening.addresses
    let connections = running.listening.connections
    let services = Configuration.Service.Name.allCases.map { name in
      RunningReport.Service(
        name: name.rawValue, addresses: (addresses[name] ?? []).map { "\($0)" }, connections: connections[name] ?? 0)
    }
    return RunningReport(
      version: postroomVersion, processID: getpid(), startedAt: "\(running.startedAt)",
      generation: configuration.generation, services: services, troubles: await troubles(running))
  }

  /// What a fresh installation needs before it can take mail.
  var advice: String? {
    guard configuration.domains.isEmpty else { return nil }
    return
      "no mail is taken yet: write your [[domain]] and [[account]] into \(configuration.path), then `postroom reload`"
  }

  /// A line for the service manager.
  func summary(_ running: Running) -> String { advice ?? running.listening.summary }

  private func troubles(_ running: Running) async -> [String] {
    var troubles = running.certificates.troubles(configuration)
    if let advice { troubles.append(advice) }
    if running.rooms.store.isBelowReserve {
      troubles.append("the disk is nearly full, and new mail is put off: make room")
    }
    if configuration.limits.connections > DescriptorLimit.connections {
      troubles.append(
        "limits.connections is \(configuration.limits.connections), but the process may have \(DescriptorLimit.connections) "
          + "at most: raise its limit of open files (LimitNOFILE=)")
    }
    for trouble in await running.runner.troubles {
      troubles.append("\(trouble.host) is left alone until \(trouble.until): \(trouble.reason)")
    }
    return troubles
  }
}
