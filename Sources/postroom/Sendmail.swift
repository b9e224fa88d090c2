import Administration
import ArgumentParser
import Configuration
import Message
import Platform
import SMTP
import Submission

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom sendmail`, and the binary under the names `sendmail`, `mailq` and `newaliases`: how programs of this machine
/// hand in mail.
struct Sendmail: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Hand in a message from standard input, as programs expect of /usr/sbin/sendmail.",
    usage: "postroom sendmail [-t] [-i] [-f SENDER] [-F NAME] [-bs] [RECIPIENT ...]",
    discussion: """
      The message goes to the running appliance, which vouches for it with exit status 0 once it is on disk. Addresses \
      without a domain are of this machine: mail for a user of the system goes to the account of that name, else to the \
      postmaster. A user may send as NAME@hostname and as the addresses of the account of that name; root as anyone.

      -t takes recipients from the To, Cc and Bcc fields too; -i lets a line with a single dot pass; -f is the sender of \
      the envelope (<> for none), -F a name for a missing From field; -N, -R and -V are NOTIFY, RET and ENVID of RFC 3461. \
      -bs speaks SMTP on standard input and output, -bp (mailq) lists the queue, -q tries it now, -bi (newaliases) does \
      nothing: addresses are in appliance.conf. Options that tune other mail systems are ignored.

      Exit status: 0 accepted for everyone; 64 wrong use; 65 no usable message; 67 somebody does not exist here; 69 \
      refused; 74 standard input failed; 75 not now, try again; 77 you may not send as that. Whoever is not named on \
      standard error has been accepted.
      """)
  @Argument(parsing: .captureForPassthrough, help: "As of sendmail(8).") var arguments: [String] = []

  func run() async throws { throw ExitCode(await SendmailProgram.run("sendmail", arguments)) }
}

/// sysexits.h, as callers of sendmail read them.
enum SendmailStatus {
  static let usage: Int32 = 64
  static let data: Int32 = 65
  static let noUser: Int32 = 67
  static let unavailable: Int32 = 69
  static let inputFailed: Int32 = 74
  static let later: Int32 = 75
  static let noPermission: Int32 = 77

  /// What a refusal means to the caller.
  static func of(_ reply: Reply) -> Int32 {
    if reply.isTransientFailure { return later }
    switch (reply.status.subject, reply.status.detail) {
    case (1, 1): return noUser
    case (7, _): return noPermission
    default: return unavailable
    }
  }
}

enum SendmailProgram {
  /// The name that the binary was called by, if it is one of these.
  static var calledAs: String? {
    let name = CommandLine.arguments.first?.split(separator: "/").last.map(String.init)
    return name.flatMap { ["sendmail", "mailq", "newaliases"].contains($0) ? $0 : nil }
  }

  static func run(_ name: String, _ arguments: [String]) async -> Int32 {
    do throws(any Error) {
      let invocation = try SendmailInvocation(name: name, arguments)
      switch invocation.mode {
      case .message:
        var delivery = SendmailDelivery(invocation)
        return try delivery.run()
      case .smtp: return try LocalDialogue(socketPath(invocation)).pass()
      case .aliases: return 0
      case .listQueue: return try await queue("queue list", invocation)
      case .runQueue: return try await queue("queue retry", invocation)
      }
    } catch let misuse as SendmailInvocation.Misuse {
      complain(misuse.description)
      return SendmailStatus.usage
    } catch let failure as LocalDialogue.Failure {
      complain(failure.description)
      return failure.status
    } catch {
      complain("\(error)")
      return SendmailStatus.later
    }
  }

  private static func queue(_ command: String, _ invocation: SendmailInvocation) async throws -> Int32 {
    let option = try ConfigurationOption.parse(["--config", invocation.configurationFile ?? Self.configurationFile])
    do {
      try await ask(command, [:], configuration: option, output: try OutputOption.parse([]))
      return 0
    } catch let status as ExitCode {
      // Nothing waits: that is no failure of a run of the queue.
      return invocation.mode == .runQueue && status.rawValue == 1 ? 0 : SendmailStatus.unavailable
    }
  }

  private static let configurationFile = "/etc/postroom/appliance.conf"

  /// The socket that the configuration names; the usual one where it cannot be read, as by users who may not.
  static func socketPath(_ invocation: SendmailInvocation) -> String {
    let named = invocation.configurationFile
    guard let bytes = readWholeFile(named ?? configurationFile),
      let configuration = ConfigurationFile.parse(bytes: bytes).configuration
    else { return "/run/postroom/submit" }
    return configuration.localSocket
  }
}

/// One message from standard input to the appliance.
struct SendmailDelivery {
  private let invocation: SendmailInvocation
  private var input = InputLines()
  /// The worst of what happened to the recipients.
  private var status: Int32 = 0

  init(_ invocation: SendmailInvocation) { self.invocation = invocation }

  mutating func run() throws -> Int32 {
    guard invocation.readsRecipients || !invocation.recipients.isEmpty else {
      throw LocalDialogue.Failure(SendmailStatus.usage, "no recipients: name them, or let -t find them in the message")
    }
    var header = LocalHeader()
    var bodyBegins: [UInt8]?
    while let line = try input.next() {
      if isEnd(line) { break }
      guard !header.take(line[...]) else {
        guard header.fields.count <= 1 << 20 else {
          throw LocalDialogue.Failure(SendmailStatus.data, "the header is larger than 1 MiB")
        }
        continue
      }
      bodyBegins = line
      break
    }
    let dialogue = try LocalDialogue(SendmailProgram.socketPath(invocation))
    let hostname = try dialogue.greet()
    let sender = try self.sender(hostname)
    try dialogue.demand("MAIL FROM:<\(sender?.description ?? "")>\(mailParameters(sender, dialogue))")
    try nameRecipients(header, hostname, dialogue)
    try dialogue.demand("DATA", 354)
    let author = sender ?? EmailAddress(localPart: user, domain: hostname)
    let name = invocation.fullName ?? Machine.fullNameOfUser(geteuid())
    try send(header.completed(hostname: hostname, sender: author, name: name), bodyBegins, dialogue)
    let answer = try dialogue.reply()
    guard answer.isPositive else { throw LocalDialogue.Failure(SendmailStatus.of(answer), words(of: answer)) }
    dialogue.quit()
    return status
  }

  /// As the appliance calls us too, when it asks the kernel.
  private var user: String { Machine.userName(geteuid()) ?? "\(geteuid())" }

  private func words(of reply: Reply) -> String {
    "the message was not accepted: \(reply)" + (reply.isTransientFailure ? ": try again later" : "")
  }

  /// `.` alone, unless that is a line like any other.
  private func isEnd(_ line: [UInt8]) -> Bool { !invocation.ignoresDots && line == [UInt8(ascii: ".")] }

  /// - Returns: `nil` for the null reverse-path.
  private func sender(_ hostname: String) throws -> EmailAddress? {
    let text = invocation.sender ?? user
    if text.isEmpty || text == "<>" { return nil }
    guard let first = LocalHeader.addresses(text, hostname: hostname).first, let address = EmailAddress(first) else {
      throw LocalDialogue.Failure(SendmailStatus.usage, "-f \(text) is no address: write NAME@DOMAIN")
    }
    return address
  }

  private func mailParameters(_ sender: EmailAddress?, _ dialogue: LocalDialogue) -> String {
    var parameters = dialogue.extensions.eightBitMIME ? " BODY=8BITMIME" : ""
    let isInternational =
      sender?.isInternationalized == true || !invocation.recipients.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }
    if isInternational, dialogue.extensions.smtputf8 { parameters += " SMTPUTF8" }
    if dialogue.extensions.dsn {
      if let returned = invocation.returned { parameters += " RET=\(returned)" }
      if let identifier = invocation.envelopeID { parameters += " ENVID=\(Xtext.encode(Array(identifier.utf8)))" }
    }
    return parameters
  }

  /// Whoever is refused is named on standard error; the message goes to the others.
  private mutating func nameRecipients(_ header: LocalHeader, _ hostname: String, _ dialogue: LocalDialogue) throws {
    var wanted = invocation.recipients.flatMap { LocalHeader.addresses($0, hostname: hostname) }
    if invocation.readsRecipients { wanted += header.recipients(hostname: hostname) }
    guard !wanted.isEmpty else {
      throw LocalDialogue.Failure(SendmailStatus.data, "the message names no recipient in To, Cc or Bcc")
    }
    var seen: Set<String> = []
    var accepted = 0
    let notify = invocation.notify.map { dialogue.extensions.dsn ? " NOTIFY=\($0)" : "" } ?? ""
    for address in wanted where seen.insert(address.lowercased()).inserted {
      guard EmailAddress(address) != nil else {
        note(SendmailStatus.noUser, "\(address) is no address")
        continue
      }
      let reply = try dialogue.say("RCPT TO:<\(address)>\(notify)")
      if reply.isPositive { accepted += 1 } else { note(SendmailStatus.of(reply), "\(address): \(reply)") }
    }
    guard accepted > 0 else { throw LocalDialogue.Failure(status, "nobody was left to send the message to") }
  }

  private mutating func note(_ status: Int32, _ words: String) {
    complain(words)
    // What may succeed later is worth another try.
    if self.status != SendmailStatus.later { self.status = status }
  }

  private mutating func send(_ header: [UInt8], _ bodyBegins: [UInt8]?, _ dialogue: LocalDialogue) throws {
    var encoder = DotEncoder()
    var out: [UInt8] = []
    encoder.encode(header + [0x0d, 0x0a], into: &out)
    var line = bodyBegins
    // The empty line behind the header is written already.
    if line?.isEmpty == true { line = try input.next() }
    while let bytes = line, !isEnd(bytes) {
      encoder.encode(bytes, into: &out)
      if input.hasLineEnd { encoder.encode([0x0d, 0x0a], into: &out) }
      if out.count > 64 << 10 {
        try dialogue.send(out)
        out.removeAll(keepingCapacity: true)
      }
      line = try input.next()
    }
    encoder.finish(into: &out)
    try dialogue.send(out)
  }
}
