import Administration
import ArgumentParser

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom password NAME`: from the terminal without echo, or the first line of standard input.
struct Password: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Give an account a password.",
    discussion: """
      On a terminal the password is asked for twice and not shown; else it is the first line of standard input. Only \
      a verifier is kept, from which it cannot be read.
      """)
  @OptionGroup var config: ConfigurationOption
  @OptionGroup var output: OutputOption
  @Argument(help: "The account.") var name: String
  @Flag(help: "Take the account's password away: it cannot log in any more.") var remove = false

  func run() async throws {
    if remove {
      try await ask("password remove", ["name": name], configuration: config, output: output)
      return
    }
    guard try config.load().account(name) != nil else {
      throw CommandFailure("there is no account \(name) in the configuration: add it there first")
    }
    let password = isatty(0) == 1 ? try askTwice() : readLine(strippingNewline: true) ?? ""
    guard !password.isEmpty else { throw CommandFailure(status: 2, "an empty password opens nothing: choose another") }
    try await ask("password set", ["name": name, "password": password], configuration: config, output: output)
  }

  private func askTwice() throws -> String {
    let first = try askWithoutEcho("New password for \(name): ")
    guard try askWithoutEcho("Once more: ") == first else {
      throw CommandFailure("the two differ: nothing was changed; try again")
    }
    return first
  }

  private func askWithoutEcho(_ prompt: String) throws -> String {
    var before = termios()
    guard tcgetattr(0, &before) == 0 else { throw CommandFailure("the terminal cannot be asked for a password") }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(0, TCSAFLUSH, &silent)
    defer {
      tcsetattr(0, TCSAFLUSH, &before)
      _ = write(2, "\n", 1)
    }
    _ = prompt.withCString { write(2, $0, strlen($0)) }
    return readLine(strippingNewline: true) ?? ""
  }
}
