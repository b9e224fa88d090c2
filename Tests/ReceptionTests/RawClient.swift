import Glibc
import Testing

/// A client on a plain blocking socket, for a thread of its own: it sends exactly what a test says, when it says so.
final class RawClient {
  struct Silence: Error, CustomStringConvertible {
    let description: String
  }

  private var socket: Int32
  private var input: [UInt8] = []

  init(port: Int) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw Silence(description: "no connection to port \(port)") }
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var one: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
  }

  deinit { close() }

  var descriptor: Int32 { socket }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// The next reply, all its lines, without the last line end.
  func reply() throws -> String {
    var lines: [String] = []
    while true {
      let line = try line()
      lines.append(line)
      if line.count < 4 || line.dropFirst(3).first != "-" { return lines.joined(separator: "\n") }
    }
  }

  /// The codes of the next replies: `250 2.1.0`, or `250` where there is no enhanced code.
  func codes(_ count: Int) throws -> [String] {
    try (0..<count).map { _ in
      let words = try reply().split(separator: "\n").last?.split(separator: " ") ?? []
      return words.count > 1 && words[1].split(separator: ".").count == 3 && words[1].first?.isNumber == true
        && words[1].allSatisfy { $0.isNumber || $0 == "." } ? "\(words[0]) \(words[1])" : String(words.first ?? "")
    }
  }

  /// Sends and reads as many replies.
  @discardableResult
  func ask(_ text: String, _ count: Int = 1) throws -> [String] {
    send(text)
    return try codes(count)
  }

  /// Whether the server has ended its side, nothing being left to read.
  func isAtEnd() -> Bool {
    guard input.isEmpty else { return false }
    var byte: UInt8 = 0
    return read(socket, &byte, 1) <= 0
  }

  func closeOutput() { shutdown(socket, Int32(SHUT_WR)) }

  func close() {
    if socket >= 0 { Glibc.close(socket) }
    socket = -1
  }

  /// Breaks the connection off with a reset.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    close()
  }

  private func line() throws -> String {
    while true {
      if let end = input.firstIndex(of: 10) {
        let line = input[..<end]
        input = Array(input[(end + 1)...])
        guard line.last == 13 else { throw Silence(description: "a line without CRLF: \(line)") }
        return String(decoding: line.dropLast(), as: UTF8.self)
      }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = read(socket, &piece, piece.count)
      guard count > 0 else { throw Silence(description: count == 0 ? "the server closed" : "no answer") }
      input += piece[..<count]
    }
  }
}

/// Runs a blocking conversation on a thread that nobody else needs.
func talk<T: Sendable>(to port: Int, _ body: @escaping @Sendable (RawClient) throws -> T) async throws -> T {
  try await withCheckedThrowingContinuation { continuation in
    Errand.run {
      continuation.resume(
        with: Result {
          let client = try RawClient(port: port)
          defer { client.close() }
          return try body(client)
        })
    }
  }
}

/// Work for a thread of its own. The shared pools have too few threads for conversations that block.
final class Errand {
  private let work: @Sendable () -> Void

  private init(_ work: @escaping @Sendable () -> Void) { self.work = work }

  static func run(_ work: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let errand = Unmanaged.passRetained(Errand(work)).toOpaque()
    pthread_create(
      &thread, nil,
      { pointer in
        if let pointer { Unmanaged<Errand>.fromOpaque(pointer).takeRetainedValue().work() }
        return nil
      }, errand)
    pthread_detach(thread)
  }
}
