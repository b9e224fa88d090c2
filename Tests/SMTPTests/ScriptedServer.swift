@testable import SMTP

/// A driver around ``ServerMachine`` for tests: bytes in, replies out, a policy of closures, no sockets.
struct ScriptedServer {
  var machine: ServerMachine
  var discipline = ContentDecoder.Discipline.strict
  /// Recipients whose local part begins with `no` do not exist.
  var messages: [String] = []
  var mails: [MailCommand] = []
  var recipients: [RecipientCommand] = []
  var output = ""
  var isClosed = false
  var startedTLS = 0
  var password = "\0anna\0secret"

  private var input: [UInt8] = []
  private var decoder: ContentDecoder?
  private var content: [UInt8] = []
  private var chunk: (command: ChunkCommand, left: Int)?

  init(
    _ service: ServerSettings.Service = .transfer, encrypted: Bool = false,
    change: (inout ServerSettings) -> Void = { _ in }
  ) {
    var settings = ServerSettings(service: service, hostname: "mx.example.com", sizeLimit: 100_000)
    change(&settings)
    machine = ServerMachine(settings: settings, isEncrypted: encrypted)
  }

  mutating func feed(_ bytes: some Sequence<UInt8>) {
    input += bytes
    while !isClosed, step() {}
  }

  mutating func feed(_ text: String) { feed(Array(text.utf8)) }

  /// What was said since the last call.
  mutating func said() -> String {
    defer { output = "" }
    return output
  }

  private mutating func step() -> Bool {
    if chunk != nil { return readChunk() }
    if decoder != nil { return readContent() }
    guard let lineFeed = input.firstIndex(of: 10) else { return false }
    var line = input[..<lineFeed]
    let isWhole = line.last == 13
    if isWhole { line = line.dropLast() }
    let taken = Array(line)
    input.removeFirst(lineFeed + 1)
    if taken.count + 2 > machine.lineLimit {
      carryOut(machine.receiveOverlongLine())
    } else {
      carryOut(machine.receive(taken[...], endsWithCRLF: isWhole))
    }
    return true
  }

  private mutating func readContent() -> Bool {
    guard var decoder, !input.isEmpty else { return false }
    let used = input.withUnsafeBytes { decoder.decode($0, into: &content) }
    input.removeFirst(used)
    self.decoder = decoder
    if decoder.isComplete { contentEnded(decoder) }
    return true
  }

  private mutating func readChunk() -> Bool {
    guard let (command, left) = chunk, left == 0 || !input.isEmpty else { return false }
    let count = min(left, input.count)
    let piece = Array(input.prefix(count))
    input.removeFirst(count)
    if command.refusal == nil, var decoder {
      _ = piece.withUnsafeBytes { decoder.decode($0, into: &content) }
      self.decoder = decoder
    }
    chunk = (command, left - count)
    guard left == count else { return true }
    chunk = nil
    chunkEnded(command)
    return true
  }

  private mutating func chunkEnded(_ command: ChunkCommand) {
    guard command.refusal == nil, var decoder else {
      decoder = nil
      carryOut(machine.chunkFinished(command, refusal: command.refusal))
      return
    }
    if decoder.fault != nil {
      contentEnded(decoder)
    } else if command.isLast {
      decoder.finish(into: &content)
      contentEnded(decoder)
    } else {
      pendingDecoder = decoder
      self.decoder = nil
      carryOut(machine.chunkFinished(command))
    }
  }

  /// The decoder of a message in chunks, while commands are read.
  private var pendingDecoder: ContentDecoder?

  private mutating func contentEnded(_ decoder: ContentDecoder) {
    self.decoder = nil
    pendingDecoder = nil
    if decoder.fault != nil {
      carryOut(machine.contentFinished(Reply(550, "5.6.11", "Bare CR or LF in content"), thenClose: true))
    } else {
      messages.append(String(decoding: content, as: UTF8.self))
      carryOut(machine.contentFinished(Reply(250, "2.0.0", "OK \(messages.count)")))
    }
    content = []
  }

  private mutating func carryOut(_ action: ServerMachine.Action) {
    switch action {
    case .reply(let reply), .abandonAuthentication(let reply): say(reply)
    case .reset(let reply):
      pendingDecoder = nil
      content = []
      say(reply)
    case .close(let reply):
      say(reply)
      isClosed = true
    case .hello: carryOut(machine.helloAnswered(refusal: nil))
    case .startTLS(let reply):
      say(reply)
      input = []
      startedTLS += 1
      machine.tlsStarted()
    case .authenticate(_, let initial):
      if let initial { check(initial) } else { say(machine.authenticationChallenge([])) }
    case .continueAuthentication(let response): check(response)
    case .mail(let command):
      mails.append(command)
      carryOut(machine.mailAnswered(refusal: nil))
    case .recipient(let command):
      if command.address.localPart.hasPrefix("no") {
        carryOut(machine.recipientAnswered(.unknown(Reply(550, "5.1.1", "No such user"))))
      } else {
        recipients.append(command)
        carryOut(machine.recipientAnswered(.accepted(nil)))
      }
    case .data:
      decoder = ContentDecoder(framing: .dot, discipline: discipline)
      carryOut(machine.dataAnswered(refusal: nil))
    case .chunk(let command):
      if command.refusal == nil {
        decoder = command.isFirst ? ContentDecoder(framing: .counted, discipline: discipline) : pendingDecoder
      }
      chunk = (command, command.size)
    }
  }

  private mutating func check(_ response: [UInt8]) {
    if String(decoding: response, as: UTF8.self) == password {
      say(machine.authenticationAccepted())
    } else {
      carryOut(machine.authenticationRefused())
    }
  }

  private mutating func say(_ reply: Reply) { output += String(decoding: reply.encoded(), as: UTF8.self) }
}
