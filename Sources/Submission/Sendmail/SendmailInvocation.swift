/// What a call of the sendmail command asks for.
///
/// The command is a convention of forty years, written down nowhere in full: programs give it options of Sendmail's, Postfix's
/// and Exim's. What changes the message or where it goes is obeyed; what only tuned those programs is read and ignored; what
/// would do something else than hand in mail is refused, so that nobody believes it was done.
public struct SendmailInvocation: Sendable, Equatable {
  public enum Mode: Sendable, Equatable {
    /// A message from standard input.
    case message
    /// SMTP on standard input and output (`-bs`).
    case smtp
    /// List the queue (`-bp`, `mailq`).
    case listQueue
    /// Try what waits now (`-q`).
    case runQueue
    /// Make the alias database (`-bi`, `newaliases`): there is none, so there is nothing to do.
    case aliases
  }

  public var mode = Mode.message
  /// As they were given: addresses, perhaps several in one argument, perhaps without a domain.
  public var recipients: [String] = []
  /// `-t`: more recipients are in the message's header.
  public var readsRecipients = false
  /// `-i`: a line with a single dot is a line, not the end.
  public var ignoresDots = false
  /// `-f`: the envelope's sender; empty or `<>` for none.
  public var sender: String?
  /// `-F`: the sender's name, for a message without a From field.
  public var fullName: String?
  /// `-N`: NOTIFY of RFC 3461 §4.1.
  public var notify: String?
  /// `-R`: RET of RFC 3461 §4.3.
  public var returned: String?
  /// `-V`: ENVID of RFC 3461 §4.4.
  public var envelopeID: String?
  /// `-C`: the configuration file.
  public var configurationFile: String?

  /// The call cannot be understood; a sentence.
  public struct Misuse: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
  }

  /// - Parameters:
  ///   - name: under which the program was called: `sendmail`, `mailq` or `newaliases`.
  ///   - arguments: those behind the name.
  public init(name: String = "sendmail", _ arguments: [String]) throws(Misuse) {
    switch name {
    case "mailq": mode = .listQueue
    case "newaliases": mode = .aliases
    default: break
    }
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("-"), argument != "-" else {
        recipients.append(argument)
        continue
      }
      if argument == "--" {
        recipients += rest
        break
      }
      try read(argument.dropFirst(), &rest)
    }
  }

  /// Reads one argument: an option that takes a value, or letters that stand for one each.
  private mutating func read(_ option: Substring, _ rest: inout ArraySlice<String>) throws(Misuse) {
    guard let letter = option.first else { return }
    let attached = option.dropFirst()
    func value() throws(Misuse) -> String {
      if !attached.isEmpty { return String(attached) }
      guard let next = rest.popFirst() else {
        throw Misuse(description: "-\(letter) needs a value: give one behind it")
      }
      return next
    }
    switch letter {
    case "f", "r": sender = try value()
    case "F": fullName = try value()
    case "N": notify = try notification(try value())
    case "R": returned = try returning(try value())
    case "V": envelopeID = try value()
    case "C": configurationFile = try value()
    // Body type, tag of the log, hops, protocol, log file, option by name: with a value, and of no consequence here.
    case "B", "L", "h", "p", "X", "O": _ = try value()
    case "o": try tuning(attached, &rest)
    case "b": try become(attached)
    case "q": mode = .runQueue
    case "I" where attached.isEmpty: mode = .aliases
    // Submission or not, debugging, error mode: the value, if any, is attached.
    case "A", "d", "e", "D": break
    default: try letters(option)
    }
  }

  /// `-oX`: Sendmail's options by their letters.
  private mutating func tuning(_ option: Substring, _ rest: inout ArraySlice<String>) throws(Misuse) {
    if option == "i" || option == "itrue" { ignoresDots = true }
    if option.isEmpty, rest.popFirst() == nil { throw Misuse(description: "-o needs the name of an option") }
  }

  private mutating func become(_ what: Substring) throws(Misuse) {
    switch what {
    case "m": mode = .message
    case "s": mode = .smtp
    case "p": mode = .listQueue
    case "i": mode = .aliases
    default:
      throw Misuse(
        description: "-b\(what) is not done by this command: the appliance runs as a service, see postroom(1)")
    }
  }

  /// `-it`, `-ti`, `-v` and the like.
  private mutating func letters(_ letters: Substring) throws(Misuse) {
    for letter in letters {
      switch letter {
      case "t": readsRecipients = true
      case "i": ignoresDots = true
      case "v", "m", "n", "U", "x", "G", "s", "E": break
      default:
        throw Misuse(description: "there is no option -\(letter): see sendmail(8)")
      }
    }
  }

  private func notification(_ text: String) throws(Misuse) -> String {
    let words = text.lowercased().split(separator: ",").map(String.init)
    let known: Set<String> = ["success", "failure", "delay"]
    guard words == ["never"] || !words.isEmpty && words.allSatisfy(known.contains) else {
      throw Misuse(description: "-N \(text) is not understood: write never, or some of success,failure,delay")
    }
    return words.joined(separator: ",").uppercased()
  }

  private func returning(_ text: String) throws(Misuse) -> String {
    switch text.lowercased() {
    case "full": return "FULL"
    case "hdrs": return "HDRS"
    default: throw Misuse(description: "-R \(text) is not understood: write full or hdrs")
    }
  }
}
