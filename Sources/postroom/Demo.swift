import Administration
import Configuration
import Platform
import Postroom

#if canImport(Glibc)
  import Glibc
#endif

/// The appliance to try things out with: `make run` and `make demo`. Everything it has is in one folder.
struct Demo {
  let folder: String
  var configurationFile: String { folder + "/appliance.conf" }
  private var passwordFile: String { folder + "/passwords" }

  /// Makes what the folder does not have yet: the configuration, a certificate, and a password for each account.
  ///
  /// - Parameters:
  ///   - domain: whose mail it takes.
  ///   - basePort: added to each service's usual port.
  ///   - peer: another one of these that mail for its domain is sent to, as `DOMAIN=HOST:PORT`.
  init(folder: String, domain: String, basePort: Int, peer: String?) async throws {
    self.folder = absolutePath(folder)
    guard mkdir(self.folder, 0o700) == 0 || errno == EEXIST else {
      throw CommandFailure("cannot make the folder \(self.folder): \(String(cString: strerror(errno)))")
    }
    guard access(configurationFile, F_OK) != 0 else { return }
    var other: (domain: String, host: String)?
    if let peer {
      let parts = peer.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else {
        throw CommandFailure(status: 2, "the peer \(peer) is not understood: write DOMAIN=HOST:PORT")
      }
      other = (String(parts[0]), String(parts[1]))
    }
    let text = ConfigurationFile.demonstration(
      folder: self.folder, hostname: "mail." + domain, domain: domain, basePort: basePort, peer: other)
    let configuration = try Configuration(text: text, path: configurationFile)
    var passwords = ""
    try await withOffice(configuration) { office in
      for account in configuration.accounts {
        let password = randomBytes(9).map { String("abcdefghjkmnpqrstuvwxyz23456789".randomCharacter($0)) }.joined()
        try await office.authenticator.setPassword(Array(password.utf8), account: account.name)
        passwords += "\(account.name) \(password)\n"
      }
    }
    try writeNewFile(passwordFile, Array(passwords.utf8), mode: 0o600)
    try writeNewFile(configurationFile, Array(text.utf8), mode: 0o600)
  }

  /// This program as a person has to write it: it need not be on the PATH.
  private var program: String {
    let name = CommandLine.arguments.first ?? "postroom"
    return name.contains("/") ? absolutePath(name) : name
  }

  /// How to connect a mail program.
  ///
  /// - Parameter address: where a service listens.
  func invitation(
    _ configuration: Configuration, address: (Configuration.Service.Name) -> HostPort?
  ) -> String {
    func place(_ name: Configuration.Service.Name) -> String { address(name).map { "\($0)" } ?? "(off)" }
    let passwords = readWholeFile(passwordFile).map { String(decoding: $0, as: UTF8.self) } ?? ""
    var lines = [
      "", "Postroom runs in \(folder), for this machine only. Connect a mail program:",
      "", "  reading   IMAP   \(place(.imaps)) with TLS, or \(place(.imap)) with STARTTLS",
      "  sending   SMTP   \(place(.submissions)) with TLS, or \(place(.submission)) with STARTTLS",
      "  from outside     \(place(.smtp))", "",
    ]
    for line in passwords.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let account = configuration.account(String(words[0])) else { continue }
      lines.append("  user \(words[0])   password \(words[1])   address \(account.addresses.first?.description ?? "-")")
    }
    lines += [
      "", "The certificate is self-made (\(folder)/certificate.pem): the mail program will ask about it.",
      "Where is my message?   \(program) trace --config \(configurationFile)", "Stop with Ctrl-C.", "",
    ]
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate func randomCharacter(_ byte: UInt8) -> Character {
    self[index(startIndex, offsetBy: Int(byte) % count)]
  }
}
