extension ConfigurationFile {
  /// The text of a configuration that needs nothing of the machine: loopback only, high ports, everything in one
  /// folder, and two accounts, alice and bob. `make run` and `make demo` run on it.
  ///
  /// - Parameters:
  ///   - folder: where the mail, the certificate and the control socket are; a path from the root.
  ///   - basePort: added to each service's usual port: with 10,000 SMTP is on 10025 and IMAPS on 10993. 0 asks for any
  ///     free port for each.
  ///   - peer: another appliance that mail for its domain is sent to.
  public static func demonstration(
    folder: String, hostname: String = "mail.postroom.example", domain: String = "postroom.example",
    basePort: Int = 10_000, peer: (domain: String, host: String)? = nil
  ) -> String {
    var text = """
      # An appliance to try things out with: only this machine can reach it.
      hostname = \(quoted(hostname))
      data-folder = \(quoted(folder))
      postmaster = "alice"

      [[domain]]
      name = \(quoted(domain))

      [[account]]
      name = "alice"
      addresses = [\(quoted("alice@" + domain))]

      [[account]]
      name = "bob"
      addresses = [\(quoted("bob@" + domain))]

      [control]
      socket = \(quoted(folder + "/control"))

      [relay]
      direct = false

      [authentication]
      incoming = "off"

      [limits]
      disk-reserve = "16 MiB"

      """
    for name in Configuration.Service.Name.allCases {
      let port = basePort == 0 ? 0 : basePort + Schema.ServiceTable.standardPort(name)
      text += "\n[\(name.rawValue)]\nlisten = [\"127.0.0.1:\(port)\"]\n"
    }
    if let peer {
      text += "\n[[route]]\ndomains = [\(quoted(peer.domain))]\nhost = \(quoted(peer.host))\n"
    }
    return text
  }

  /// A TOML basic string.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
