import Glibc
import Synchronization

/// A remote SMTP server for tests, on a loopback port of its own, that behaves as badly as it is told to.
///
/// It speaks over plain blocking sockets on threads of its own, so that nothing of the code under test helps it.
final class FakeServer: Sendable {
  /// What the server does instead of, or after, a reply.
  enum Step: Sendable {
    case say(String)
    /// Bytes as they are; no line end is added.
    case raw([UInt8])
    /// Ends the connection in good order.
    case close
    /// Says something and ends the connection.
    case sayAndClose(String)
    /// Ends it with a reset.
    case reset
    /// Says nothing until the client or the test ends it.
    case hang
  }

  struct Transaction: Sendable {
    var mail = ""
    var recipients: [String] = []
    /// As received, dot-unstuffed, without the final dot.
    var content: [UInt8] = []
    var usedChunks = false
    /// RCPT was already there when MAIL was read.
    var wasPipelined = false
    /// Number of the connection it came by, from 0.
    var connection = 0

    var text: String { String(decoding: content, as: UTF8.self) }
  }

  struct Behaviour: Sendable {
    var greeting: Step = .say("220 fake.example ESMTP")
    var hello: Step?
    var extensions = ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "ENHANCEDSTATUSCODES"]
    /// `nil`: HELO is taken.
    var helo: Step?
    var startTLS: Step = .say("454 4.7.0 no TLS today")
    var authentication: Step = .say("535 5.7.8 no")
    var mail: @Sendable (String) -> Step = { _ in .say("250 2.1.0 ok") }
    /// The command line, and how many recipients the transaction has.
    var recipient: @Sendable (String, Int) -> Step = { _, _ in .say("250 2.1.5 ok") }
    var data: Step = .say("354 go on")
    /// After so many bytes of content the connection is reset.
    var dropContentAfter: Int?
    /// What it says when it drops the content: `nil` is nothing.
    var lastWords: String?
    /// The number of the content on this server, from 0.
    var content: @Sendable (Transaction, Int) -> Step = { _, _ in .say("250 2.0.0 kept") }
    var quit: Step = .sayAndClose("221 2.0.0 bye")
    /// Transactions that one connection takes before it is closed without a word.
    var transactionsPerConnection = Int.max
    /// With more connections open it turns new ones away.
    var mostConnections = Int.max
  }

  private struct State {
    var behaviour: Behaviour
    var transactions: [Transaction] = []
    var contents = 0
    var connections = 0
    var commands: [String] = []
    var open: Set<Int32> = []
    var mostOpen = 0
    var stopped = false
  }

  let port: Int
  private let listener: Int32
  private let state: Mutex<State>

  init(_ behaviour: Behaviour = Behaviour()) {
    (listener, port) = Self.boundSocket()
    _ = Glibc.listen(listener, 64)
    state = Mutex(State(behaviour: behaviour))
    spawn { [self] in acceptLoop() }
  }

  /// A socket on a loopback port that the system chose, and the port.
  private static func boundSocket() -> (Int32, Int) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        _ = Glibc.bind(socket, generic, length)
        _ = getsockname(socket, generic, &length)
      }
    }
    return (socket, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// Gives a port on which nobody listens, and nobody can begin to while `body` runs.
  static func withDeadPort(_ body: (Int) async throws -> Void) async throws {
    let (socket, port) = boundSocket()
    defer { close(socket) }
    try await body(port)
  }

  func stop() {
    // `shutdown` wakes the threads that sit in `accept` and `recv`; each closes its own descriptor, under the same lock,
    // or a number that another server has got meanwhile would be hit.
    state.withLock { state in
      guard !state.stopped else { return }
      state.stopped = true
      _ = shutdown(listener, Int32(SHUT_RDWR))
      for fd in state.open { _ = shutdown(fd, Int32(SHUT_RDWR)) }
    }
  }

  func change(_ change: (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

  var transactions: [Transaction] { state.withLock { $0.transactions } }
  /// The most connections that were open at once.
  var mostOpen: Int { state.withLock { $0.mostOpen } }
  var connections: Int { state.withLock { $0.connections } }
  /// All command lines of all connections.
  var commands: [String] { state.withLock { $0.commands } }

  private func spawn(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Body(body))
    _ = pthread_create(
      &thread, nil,
      {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run(); return nil
      }, box.toOpaque())
    pthread_detach(thread)
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private func acceptLoop() {
    while true {
      let fd = accept(listener, nil, nil)
      let number = state.withLock { state -> Int? in
        guard fd >= 0, !state.stopped else { return nil }
        state.open.insert(fd)
        state.mostOpen = max(state.mostOpen, state.open.count)
        state.connections += 1
        return state.connections - 1
      }
      guard let number else {
        if fd >= 0 { Glibc.close(fd) }
        break
      }
      spawn { [self] in
        var session = Session(server: self, fd: fd, number: number)
        session.run()
        state.withLock { state in
          state.open.remove(fd)
          _ = Glibc.close(fd)
        }
      }
    }
    Glibc.close(listener)
  }

  private struct Session {
    let server: FakeServer
    let fd: Int32
    let number: Int
    var buffer: [UInt8] = []
    var finished = false
    var extended = false
    var transaction = Transaction()
    var done = 0

    var behaviour: Behaviour { server.state.withLock { $0.behaviour } }

    mutating func run() {
      let isCrowded = server.state.withLock { $0.open.count > $0.behaviour.mostConnections }
      act(isCrowded ? .sayAndClose("421 4.7.0 too many connections from you") : behaviour.greeting)
      while !finished, let line = readLine() {
        server.state.withLock { $0.commands.append(line) }
        command(line)
      }
    }

    mutating func command(_ line: String) {
      let verb = line.prefix { $0 != " " && $0 != ":" }.uppercased()
      switch verb {
      case "EHLO":
        let lines = ["fake.example hello"] + behaviour.extensions
        let text = lines.enumerated().map { "250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)" }
        act(behaviour.hello ?? .say(text.joined(separator: "\r\n")))
      case "HELO": act(behaviour.helo ?? .say("250 fake.example hello"))
      case "STARTTLS": act(behaviour.startTLS)
      case "AUTH": act(behaviour.authentication)
      case "MAIL":
        transaction = Transaction(mail: line, wasPipelined: !buffer.isEmpty, connection: number)
        if done >= behaviour.transactionsPerConnection { return finished = true }
        act(behaviour.mail(line))
      case "RCPT":
        let step = behaviour.recipient(line, transaction.recipients.count)
        if case .say(let text) = step, text.hasPrefix("2") { transaction.recipients.append(line) }
        act(step)
      case "DATA":
        guard !transaction.recipients.isEmpty else { return act(.say("554 5.5.1 no valid recipients")) }
        act(behaviour.data)
        if case .say(let text) = behaviour.data, text.hasPrefix("354") { readData() }
      case "BDAT": readChunk(line)
      case "RSET", "NOOP": act(.say("250 2.0.0 ok"))
      case "QUIT": act(behaviour.quit)
      default: act(.say("500 5.5.1 what"))
      }
    }

    mutating func readData() {
      let limit = behaviour.dropContentAfter ?? Int.max
      var seen = 0
      while let line = readRawLine() {
        seen += line.count + 2
        if seen > limit { return drop() }
        if line == [0x2e] { return completed() }
        transaction.content += line.first == 0x2e ? line.dropFirst() : line[...]
        transaction.content += [13, 10]
      }
    }

    mutating func drop() {
      guard let words = behaviour.lastWords else { return act(.reset) }
      act(.say(words))
      // Reads nothing more, until the client gives up.
      var waiting = pollfd(fd: fd, events: 0x2000 /* POLLRDHUP */, revents: 0)
      _ = poll(&waiting, 1, -1)
      finished = true
    }

    mutating func readChunk(_ line: String) {
      let words = line.split(separator: " ")
      let size = words.count > 1 ? Int(words[1]) ?? 0 : 0
      transaction.usedChunks = true
      if let limit = behaviour.dropContentAfter, transaction.content.count + size > limit {
        _ = read(max(limit - transaction.content.count, 0))
        return drop()
      }
      guard let bytes = read(size) else { return finished = true }
      transaction.content += bytes
      guard !transaction.recipients.isEmpty else { return act(.say("554 5.5.1 no valid recipients")) }
      if words.count > 2 { completed() } else { act(.say("250 2.0.0 more")) }
    }

    mutating func completed() {
      done += 1
      let (content, number) = server.state.withLock { [transaction] state in
        state.transactions.append(transaction)
        state.contents += 1
        return (state.behaviour.content, state.contents - 1)
      }
      // It may wait: other connections go on.
      act(content(transaction, number))
    }

    mutating func act(_ step: Step) {
      switch step {
      case .say(let text): send(Array((text + "\r\n").utf8))
      case .raw(let bytes): send(bytes)
      case .close: finished = true
      case .sayAndClose(let text):
        send(Array((text + "\r\n").utf8))
        finished = true
      case .reset:
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        finished = true
      case .hang:
        while fill() {}
        finished = true
      }
    }

    func send(_ bytes: [UInt8]) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let sent = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, 0x4000 /* MSG_NOSIGNAL */) }
        guard sent > 0 else { return }
        rest = rest.dropFirst(sent)
      }
    }

    mutating func fill() -> Bool {
      var chunk = [UInt8](repeating: 0, count: 65536)
      let got = recv(fd, &chunk, chunk.count, 0)
      guard got > 0 else { return false }
      buffer += chunk[..<got]
      return true
    }

    mutating func read(_ count: Int) -> [UInt8]? {
      while buffer.count < count { guard fill() else { return nil } }
      defer { buffer.removeFirst(count) }
      return Array(buffer[..<count])
    }

    mutating func readRawLine() -> [UInt8]? {
      var searched = 0
      while true {
        var index = searched
        while index + 1 < buffer.count {
          if buffer[index] == 13, buffer[index + 1] == 10 {
            defer { buffer.removeFirst(index + 2) }
            return Array(buffer[..<index])
          }
          index += 1
        }
        searched = max(buffer.count - 1, 0)
        guard fill() else { return nil }
      }
    }

    mutating func readLine() -> String? { readRawLine().map { String(decoding: $0, as: UTF8.self) } }
  }
}
