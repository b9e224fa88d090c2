import Foundation

/// Many clients at once, driven by one thread that never waits for any of them.
///
/// Each comes from a loopback address of its own choice, so that limits for one address can be met or kept out of the way.
final class Crowd {
  final class Guest {
    fileprivate(set) var descriptor: Int32
    /// What came and was not yet looked at.
    var input: [UInt8] = []
    /// What is still to be sent before anything else.
    fileprivate var output: ArraySlice<UInt8> = []
    fileprivate(set) var isClosed = false
    fileprivate(set) var sent = 0
    /// For whoever drives the crowd.
    var stage = 0
    var left = 0
    var due = 0.0

    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Takes whole lines out of the input.
    func lines() -> [String] {
      guard let end = input.lastIndex(of: 10) else { return [] }
      defer { input.removeFirst(end + 1) }
      return String(decoding: input[...end], as: UTF8.self).split(separator: "\r\n").map(String.init)
    }
  }

  private(set) var guests: [Guest] = []
  let port: Int

  init(port: Int) { self.port = port }

  deinit { leave() }

  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// One more, from 127.1.x.y. Nothing when the system refuses.
  @discardableResult func enter(from number: Int) -> Guest? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var own = Self.address(0x7f01_0000 + UInt32(number + 1), port: 0)
    var server = Self.address(0x7f00_0001, port: port)
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_IP), 24 /* IP_BIND_ADDRESS_NO_PORT */, &yes, 4)
    setsockopt(descriptor, Int32(IPPROTO_TCP), Int32(TCP_NODELAY), &yes, 4)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafePointer(to: &own) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
    }
    let isComing = withUnsafePointer(to: &server) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, size) == 0 || errno == EINPROGRESS
      }
    }
    guard isBound, isComing else {
      close(descriptor)
      return nil
    }
    let guest = Guest(descriptor)
    guests.append(guest)
    return guest
  }

  private static func address(_ number: UInt32, port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = number.bigEndian
    return address
  }

  /// Takes in what has come for anybody, and sends what waits; comes back after so many milliseconds at most.
  func look(_ milliseconds: Int32 = 10) {
    var waiting = guests.map {
      pollfd(
        fd: $0.isClosed ? -1 : $0.descriptor, events: Int16($0.output.isEmpty ? POLLIN : POLLIN | POLLOUT), revents: 0)
    }
    guard poll(&waiting, nfds_t(waiting.count), milliseconds) > 0 else { return }
    var buffer = [UInt8](repeating: 0, count: 65536)
    for (guest, event) in zip(guests, waiting) where event.revents != 0 {
      if Int32(event.revents) & POLLOUT != 0 { send([], to: guest) }
      guard Int32(event.revents) & ~POLLOUT != 0 else { continue }
      let count = recv(guest.descriptor, &buffer, buffer.count, 0)
      if count > 0 {
        guest.input += buffer.prefix(count)
      } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
        leave(guest)
      }
    }
  }

  /// Sends what the kernel takes now; the rest of a `whole` one waits.
  /// - Returns: how much was taken of it.
  @discardableResult func send(_ octets: [UInt8], to guest: Guest, whole: Bool = true) -> Int {
    guard !guest.isClosed else { return 0 }
    if !guest.output.isEmpty { guest.output = guest.output.dropFirst(put(Array(guest.output), guest)) }
    guard !octets.isEmpty else { return 0 }
    let count = guest.output.isEmpty ? put(octets, guest) : 0
    if whole { guest.output += octets[count...] }
    return count
  }

  func say(_ text: String, to guest: Guest) { send(Array(text.utf8), to: guest) }

  private func put(_ octets: [UInt8], _ guest: Guest) -> Int {
    let count = Glibc.send(guest.descriptor, octets, octets.count, Int32(MSG_NOSIGNAL))
    if count < 0, errno != EAGAIN, errno != EINTR { leave(guest) }
    guest.sent += max(count, 0)
    return max(count, 0)
  }

  func leave(_ guest: Guest) {
    guard !guest.isClosed else { return }
    close(guest.descriptor)
    guest.isClosed = true
  }

  func leave() {
    for guest in guests { leave(guest) }
    guests.removeAll()
  }
}
