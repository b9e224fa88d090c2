#if canImport(Glibc)
  import Glibc
#endif

extension ConfigurationFile {
  /// Problems with the files that a configuration names: those that are missing or that this process may not read, and
  /// secrets that everybody may read. What is in certificates is looked into elsewhere.
  public static func problemsWithFiles(of configuration: Configuration) -> [Problem] {
    var files: [(path: String, what: String, key: String, isSecret: Bool)] = []
    if let identity = configuration.tls.identity {
      files.append((identity.certificate, "certificate", "tls.certificate", false))
      files.append((identity.key, "key", "tls.key", true))
    }
    for (number, identity) in configuration.tls.named.enumerated() {
      files.append((identity.certificate, "certificate", "tls.name[\(number)].certificate", false))
      files.append((identity.key, "key", "tls.name[\(number)].key", true))
    }
    for (number, route) in configuration.routes.enumerated() {
      guard let path = route.nextHop.passwordFile else { continue }
      files.append((path, "password file", "route[\(number)].password-file", true))
    }
    if let path = configuration.smartHost?.passwordFile {
      files.append((path, "password file", "smart-host.password-file", true))
    }
    if let path = configuration.dns.trustAnchorFile {
      files.append((path, "trust anchor file", "dns.trust-anchor-file", false))
    }
    return files.compactMap { file in
      problem(with: file.path, file.what, line: configuration.line(of: file.key) ?? 0, isSecret: file.isSecret)
    }.sorted { $0.line < $1.line }
  }

  private static func problem(with path: String, _ what: String, line: Int, isSecret: Bool) -> Problem? {
    var facts = stat()
    guard stat(path, &facts) == 0 else {
      return Problem(
        line: line, "the \(what) \(path) \(errno == ENOENT ? "does not exist" : "cannot be reached")",
        "put it there, or write where it is")
    }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      return Problem(line: line, "the \(what) \(path) is not a file", "write the path of a file")
    }
    guard access(path, R_OK) == 0 else {
      return Problem(
        line: line, "the \(what) \(path) may not be read", "let the user that the appliance runs as read it")
    }
    guard isSecret, facts.st_mode & S_IROTH != 0 else { return nil }
    return Problem(
      .warning, line: line, "the \(what) \(path) may be read by everybody on the machine", "run chmod o-r on it")
  }
}
