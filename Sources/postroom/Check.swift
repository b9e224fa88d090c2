import Administration
import ArgumentParser
import Configuration
import Network
import Platform

/// `postroom check`: everything that is wrong with the configuration, at once.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell everything that is wrong with the configuration, with its line and what to write instead.",
    discussion: "Exit status 0: it can be used, perhaps with warnings. 1: it cannot.")
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Flag(help: "Print a commented file with every setting, to begin with.") var example = false
  @Flag(help: "Print the same file as a fresh installation has it: it runs, and takes no mail yet.") var fresh = false

  func run() throws {
    if example || fresh {
      print(fresh ? ConfigurationFile.fresh : ConfigurationFile.example, terminator: "")
      return
    }
    var (configuration, problems) = ConfigurationFile.parse(bytes: try config.bytes(), path: config.path)
    if let configuration {
      let missing = ConfigurationFile.problemsWithFiles(of: configuration)
      problems += missing
      // Certificates are looked into when their files can be read.
      if !missing.contains(where: { $0.severity == .error }) {
        problems += CertificateCheck(configuration, clock: .system).problems
      }
    }
    struct Line: Encodable {
      let severity: String
      let line: Int
      let problem: String
      let advice: String
    }
    for problem in problems.sorted(by: { $0.line < $1.line }) {
      output.show(
        try ControlRow(
          text: "\(config.path): \(problem)",
          Line(
            severity: problem.severity == .error ? "error" : "warning", line: problem.line,
            problem: problem.whatIsWrong, advice: problem.whatToWrite)))
    }
    if problems.contains(where: { $0.severity == .error }) { throw ExitCode(1) }
    if problems.isEmpty && !output.json { print("\(config.path): nothing is wrong with it.") }
  }
}

/// What only looking into the certificates that the configuration names can tell.
struct CertificateCheck {
  private(set) var problems: [Problem] = []

  init(_ configuration: Configuration, clock: Clock) {
    if let identity = configuration.tls.identity {
      check(identity, [configuration.hostname], line: configuration.line(of: "tls.certificate"), clock.now())
    }
    for (number, identity) in configuration.tls.named.enumerated() {
      check(identity, identity.names, line: configuration.line(of: "tls.name[\(number)].certificate"), clock.now())
    }
  }

  private mutating func check(_ identity: Configuration.TLS.Identity, _ names: [String], line: Int?, _ now: Moment) {
    let line = line ?? 0
    do {
      let facts = try CertificateFile(certificate: identity.certificate, key: identity.key).inspect()
      for name in names where !facts.covers(name) {
        problems.append(
          Problem(
            .warning, line: line,
            "the certificate \(identity.certificate) is for \(facts.names.joined(separator: ", "))",
            "get one that covers \(name), or mail programs will not trust it"))
      }
      if facts.notAfter < now {
        problems.append(
          Problem(
            .warning, line: line, "the certificate \(identity.certificate) ended on \(facts.notAfter)", "renew it"))
      }
    } catch {
      problems.append(Problem(line: line, "the certificate \(identity.certificate) cannot be used", "\(error)"))
    }
  }
}
