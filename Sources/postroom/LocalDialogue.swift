import SMTP

#if canImport(Glibc)
  import Glibc
#endif

/// The sendmail command's end of the appliance's local socket: SMTP in turn, for a process that has nothing else to do.
final class LocalDialogue {
  /// Why the message was not handed in, with the exit status that says so.
  struct Failure: Error, CustomStringConvertible {
    let status: Int32
    let description: String

    init(_ status: Int32, _ description: String) { (self.status, self.description) = (status, description) }
  }

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private(set) var extensions = Extensions()

  /// How long to wait for a reply: as long as any step may take (RFC 5321 §4.5.3.2.6). A service that is just starting
  /// lets its callers wait in the meantime.
  private static let patience = 600

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Self.down("no socket can be made") }
    var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Failure(SendmailStatus.usage, "the path of the socket is too long: \(path)")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else {
      throw Self.down("the mail service does not answer at \(path) (\(String(cString: strerror(errno))))")
    }
  }

  deinit { close(descriptor) }

  private static func down(_ what: String) -> Failure {
    Failure(SendmailStatus.later, "\(what): the message was not accepted, try again later")
  }

  /// - Returns: the appliance's host name.
  func greet() throws -> String {
    try expect(try reply(), 220)
    let answer = try demand("EHLO localhost")
    extensions = Extensions(answer)
    return answer.lines.first?.split(separator: " ").first.map(String.init) ?? "localhost"
  }

  func quit() { _ = try? say("QUIT") }

  /// Sends a command and waits for its reply.
  func say(_ command: String) throws -> Reply {
    try send(Array("\(command)\r\n".utf8))
    return try reply()
  }

  /// Sends a command without which nothing goes on.
  @discardableResult func demand(_ command: String, _ code: Int = 250) throws -> Reply {
    let reply = try say(command)
    try expect(reply, code)
    return reply
  }

  private func expect(_ reply: Reply, _ code: Int) throws {
    guard reply.code != code else { return }
    throw Failure(SendmailStatus.of(reply), "the message was not accepted: \(reply)")
  }

  func reply() throws -> Reply {
    var parser = ReplyParser()
    while true {
      while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        var line = buffer[..<end]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        let bytes = Array(line)
        buffer.removeFirst(end + 1)
        if let reply = try parser.receive(bytes[...]) { return reply }
      }
      var chunk = [UInt8](repeating: 0, count: 4096)
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw Self.down(count == 0 ? "the mail service ended the connection" : "the mail service does not answer")
      }
      buffer += chunk[..<count]
    }
  }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.down("the mail service ended the connection") }
      sent += count
    }
  }

  /// `-bs`: carries bytes between the caller and the appliance until the appliance ends the session.
  func pass() throws -> Int32 {
    var isInputOpen = true
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      var watched = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isInputOpen ? 0 : -1, events: Int16(POLLIN), revents: 0),
      ]
      if poll(&watched, 2, -1) < 0 && errno == EINTR { continue }
      if watched[0].revents != 0 {
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { return 0 }
        try write(chunk[..<count])
      }
      if watched[1].revents != 0 {
        let count = read(0, &chunk, chunk.count)
        if count > 0 {
          try send(Array(chunk[..<count]))
        } else {
          isInputOpen = false
          shutdown(descriptor, Int32(SHUT_WR))
        }
      }
    }
  }

  private func write(_ bytes: ArraySlice<UInt8>) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Failure(SendmailStatus.inputFailed, "standard output cannot be written") }
      rest = rest.dropFirst(count)
    }
  }
}

/// Standard input line by line, whatever the line ends; nothing is held but what is being read.
struct InputLines {
  /// Whether the last line that was given had a line end.
  private(set) var hasLineEnd = false
  private var buffer: [UInt8] = []
  private var start = 0
  private var isOver = false

  init() {}

  /// The next line without its line end; of a very long one, a piece.
  mutating func next() throws -> [UInt8]? {
    while true {
      let rest = buffer[start...]
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        start = end + 1
        hasLineEnd = true
        let line = rest[..<end]
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
      }
      if isOver || rest.count > 1 << 20 {
        start = buffer.count
        hasLineEnd = false
        return rest.isEmpty ? nil : Array(rest)
      }
      buffer = Array(rest)
      start = 0
      var chunk = [UInt8](repeating: 0, count: 64 << 10)
      let count = read(0, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw LocalDialogue.Failure(
          SendmailStatus.inputFailed, "standard input cannot be read: \(String(cString: strerror(errno)))")
      }
      if count == 0 { isOver = true }
      buffer += chunk[..<count]
    }
  }
}
