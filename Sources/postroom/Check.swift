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

  func run() throws {
    if example {
      print(ConfigurationFile.example, terminator: "")
      return
    }
    var (configuration, problems) = ConfigurationFile.parse(try config.text(), path: config.path)
    if let configuration { problems += CertificateCheck(configuration, clock: .system).problems }
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

/// What only looking into the files that the configuration names can tell.
struct CertificateCheck {
  let problems: [Problem]

  init(_ configuration: Configuration, clock: Clock) {
    var problems: [Problem] = []
    let now = clock.now()
    let identities =
      (configuration.tls.identity.map { [($0, [configuration.hostname])] } ?? [])
      + configuration.tls.named.map { ($0, $0.names) }
    for (identity, names) in identities {
      do {
        let facts = try CertificateFile(certificate: identity.certificate, key: identity.key).inspect()
        for name in names where !facts.covers(name) {
          problems.append(
            Problem(
              .warning, line: 0, "the certificate \(identity.certificate) is for \(facts.names.joined(separator: ", "))",
              "get one that covers \(name), or mail programs will not trust it"))
        }
        if facts.notAfter < now {
          problems.append(
            Problem(.warning, line: 0, "the certificate \(identity.certificate) ended on \(facts.notAfter)", "renew it"))
        }
      } catch {
        problems.append(
          Problem(line: 0, "the certificate \(identity.certificate) cannot be used", "\(error)"))
      }
    }
    for path in ([configuration.smartHost] + configuration.routes.map(\.nextHop)).compactMap({ $0?.passwordFile })
    where readWholeFile(path) == nil {
      problems.append(Problem(line: 0, "the password file \(path) cannot be read", "make it, readable by the appliance"))
    }
    self.problems = problems
  }
}
