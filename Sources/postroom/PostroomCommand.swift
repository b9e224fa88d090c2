import Administration
import ArgumentParser

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom`: the daemon and the command line, a file a subcommand.
///
/// Exit status: 0 done, 1 the answer is no, 2 wrong use. Errors go to standard error as
/// `postroom: what happened: what to do`.
@main
struct PostroomCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "postroom",
    abstract: "A mail appliance for a small office.",
    subcommands: [
      Serve.self, Check.self, Reload.self, Status.self, Trace.self, Queue.self, Quarantine.self, Spam.self,
      Filter.self, Account.self, Password.self, Certificate.self, TLSReports.self, DomainNames.self, SPF.self,
      DKIM.self, DMARC.self, ARC.self, Backup.self, Restore.self, Fsck.self, Sendmail.self, Version.self,
    ])

  static func main() async {
    if let name = SendmailProgram.calledAs {
      Glibc.exit(await SendmailProgram.run(name, Array(CommandLine.arguments.dropFirst())))
    }
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      finish(error)
    }
  }

  /// Turns whatever ended a command into an exit status and, where there is something to say, a sentence.
  private static func finish(_ error: any Error) -> Never {
    if let status = error as? ExitCode { Glibc.exit(status.rawValue) }
    if let failure = error as? CommandFailure {
      complain(failure.description)
      Glibc.exit(failure.status)
    }
    let code = exitCode(for: error)
    if code == .success {  // --help and --version
      print(fullMessage(for: error))
      Glibc.exit(0)
    }
    if code == .validationFailure {
      complain(fullMessage(for: error).replacingPrefix("Error: ", with: ""))
      Glibc.exit(2)
    }
    complain("\(error)")
    Glibc.exit(1)
  }
}

/// A sentence on standard error.
func complain(_ message: String) {
  let line = Array("postroom: \(message)\n".utf8)
  _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

extension String {
  func replacingPrefix(_ prefix: String, with replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
