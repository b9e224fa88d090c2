import Administration
import ArgumentParser
import Configuration
import Message

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom filter …`: what the gateway would say, and why.
struct Filter: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask the filters about a message, without sending it.", subcommands: [Test.self])

  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Judge a message in a file as if it came from another server, and print what each filter found.",
      discussion: """
        Everything is done as for mail on port 25: look-ups, the virus scanner, the rules. Nothing is stored, and nobody \
        gets the message.
        """)
    @OptionGroup var config: ConfigurationOption
    @OptionGroup var output: OutputOption
    @Option(help: "The address of the server from which it comes.") var ip: String
    @Option(help: "What that server calls itself.") var helo = ""
    @Option(help: "The sender on the envelope; <> for a notification.") var from: String
    @Option(help: "A recipient; can be given several times.") var to: [String]
    @Argument(help: "The message; - is standard input.") var file: String

    /// Bytes of the message in one request, which may have 32 KiB.
    private static let piece = 16 << 10

    func run() async throws {
      guard !to.isEmpty else { throw CommandFailure(status: 2, "nobody gets the message: write --to name@example.org") }
      let configuration = try config.load()
      let requests = requests(try MessageFile.bytes(of: file))
      let client = ControlClient(path: configuration.control.socket)
      let json = output.json
      let show: @Sendable (ControlRow) -> Void = { print(json ? $0.json : $0.text) }
      if let end = try client.ask(requests[0], row: show) {
        try finish(end)
        for request in requests.dropFirst() {
          guard let end = try client.ask(request, row: show) else {
            throw CommandFailure("the appliance ended meanwhile: start it, and run the command again")
          }
          try finish(end)
        }
        return
      }
      try await withOffice(configuration) { office in
        for request in requests {
          try finish(await Command.perform(request, in: office, actor: userName(getuid())) { show($0) })
        }
      }
    }

    /// The message in pieces, then the question.
    private func requests(_ message: [UInt8]) -> [ControlRequest] {
      let name = "\(UInt64.random(in: .min ... .max))"
      var requests = stride(from: 0, to: message.count, by: Self.piece).map { start in
        let piece = Base64.encode(message[start..<min(start + Self.piece, message.count)])
        return ControlRequest("filter upload", ["message": name, "piece": String(decoding: piece, as: UTF8.self)])
      }
      requests.append(
        ControlRequest(
          "filter test",
          ["message": name, "ip": ip, "helo": helo, "from": from, "to": to.joined(separator: "\n")]))
      return requests
    }

    private func finish(_ end: ControlEnd) throws {
      if !end.message.isEmpty { complain(end.message) }
      if end.status != 0 { throw ExitCode(end.status) }
    }
  }
}
