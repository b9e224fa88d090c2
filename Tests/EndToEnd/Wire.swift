import Foundation

/// A plain TCP connection driven byte by byte: what no mail program would ever send.
final class Wire {
  struct Closed: Error {}
  /// The other side neither says anything nor ends.
  struct Silence: Error {}
  struct Unexpected: Error, CustomStringConvertible { let description: String }

  private var descriptor: Int32
  private var pending: [UInt8] = []
  private(set) var transcript = ""

  /// - Parameters:
  ///   - seconds: how long to wait for the other side; a busy machine may need many.
  ///   - window: how much the kernel may take in before it is read; its own choice if none is given.
  init(_ host: String = "127.0.0.1", port: Int, seconds: Int = 60, window: Int32? = nil) throws {
    // Not for the programs that other tests start meanwhile: they would keep it open.
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if var window { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size)) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr(host)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard connected == 0 else {
      close()
      throw Unexpected(description: "no connection to \(host):\(port): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Lets go of the transcript: for connections that say very much.
  func forget() { transcript = "" }

  /// Ends our half: the server sees the end of input, and can still answer.
  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Breaks the connection with RST, as a crashed client's kernel would.
  func reset() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func send(_ bytes: [UInt8]) throws {
    transcript += "C: \(String(decoding: bytes.prefix(400), as: UTF8.self).debugDescription)\n"
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Closed() }
      sent += count
    }
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }
  func say(_ line: String) throws { try send(line + "\r\n") }

  /// The next line without its CRLF.
  func line() throws -> String {
    while true {
      if let end = pending.firstIndex(of: 10) {
        var line = Array(pending[..<end])
        pending.removeFirst(end + 1)
        if line.last == 13 { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        transcript += "S: \(text)\n"
        return text
      }
      try more()
    }
  }

  /// Exactly so many bytes, as in an IMAP literal.
  func bytes(_ count: Int) throws -> [UInt8] {
    while pending.count < count { try more() }
    defer { pending.removeFirst(count) }
    return Array(pending.prefix(count))
  }

  private func more() throws {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else {
      if count < 0, errno == EAGAIN { throw Silence() }
      throw Closed()
    }
    pending += buffer.prefix(count)
  }

  /// A whole SMTP reply, its lines joined.
  func reply() throws -> String {
    var lines: [String] = []
    repeat { lines.append(try line()) } while lines.last?.dropFirst(3).first == "-"
    return lines.joined(separator: "\n")
  }

  /// The same; throws when its code is another.
  @discardableResult func expect(_ code: Int) throws -> String {
    let reply = try reply()
    guard reply.hasPrefix(String(code)) else {
      throw Unexpected(description: "expected \(code), got \(reply)\n\(transcript)")
    }
    return reply
  }

  /// A command and its reply.
  @discardableResult func ask(_ line: String, _ code: Int) throws -> String {
    try say(line)
    return try expect(code)
  }

  /// Offers a message up to the point where its content would come; the first reply that is no yes, or the invitation to send it.
  static func offer(_ office: TestAppliance) throws -> String {
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    var reply = ""
    for command in ["MAIL FROM:<someone@elsewhere.example>", "RCPT TO:<alice@office.example>", "DATA"] {
      try wire.say(command)
      reply = try wire.line()
      guard reply.hasPrefix("2") else { return reply }
    }
    return reply
  }

  /// An IMAP command: all untagged lines up to the tagged one, which comes last.
  @discardableResult func imap(_ command: String, tag: String = "a") throws -> [String] {
    try say("\(tag) \(command)")
    return try untilTagged(tag)
  }

  func untilTagged(_ tag: String = "a") throws -> [String] {
    var lines: [String] = []
    while true {
      lines.append(try line())
      if lines.last?.hasPrefix(tag + " ") == true { return lines }
    }
  }

  /// Whether the server closes the connection, after whatever else it says first.
  func closedByServer() -> Bool {
    do { while true { try more() } } catch { return error is Closed }
  }

  /// Everything that the server says before it closes the connection; throws when it does not.
  func untilClosed() throws -> String {
    do { while true { try more() } } catch is Closed {}
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}
