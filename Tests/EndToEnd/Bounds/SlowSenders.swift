/// Senders of one large message each, at an even pace.
struct SlowSenders {
  /// Where a sender is; kept in the guest's `stage`. The first stages are the replies that it has had.
  private enum Stage {
    static let greeted = 1
    static let dataAsked = 4
    static let sending = 5
    static let ended = 6
    static let over = 7
  }

  private let crowd: Crowd
  private let size: Int
  private let pause: Double
  private let isEnding: Bool
  private static let piece = (0..<64).flatMap { _ in Array((String(repeating: "x", count: 1022) + "\r\n").utf8) }

  /// - Parameter isEnding: whether the final dot is sent.
  init(_ crowd: Crowd, size: Int, seconds: Double, isEnding: Bool = true) {
    self.crowd = crowd
    self.size = size
    self.isEnding = isEnding
    pause = seconds / Double(max(size / Self.piece.count, 1))
    for guest in crowd.guests { guest.left = size }
  }

  /// Until everybody has their reply, or all but the end is sent; the replies by their code.
  func run(until end: Double) -> [String: Int] {
    var replies: [String: Int] = [:]
    while Crowd.now() < end, crowd.guests.contains(where: { $0.stage < Stage.over }) {
      crowd.look(5)
      let now = Crowd.now()
      for guest in crowd.guests where guest.stage < Stage.over {
        for line in guest.lines() where line.dropFirst(3).first == " " { hear(String(line.prefix(3)), guest, &replies) }
        if guest.isClosed, guest.stage < Stage.over {
          replies["closed", default: 0] += 1
          guest.stage = Stage.over
        }
        if guest.stage == Stage.sending, now >= guest.due { send(guest, now) }
      }
    }
    return replies
  }

  private func send(_ guest: Crowd.Guest, _ now: Double) {
    guest.due = max(guest.due + pause, now - 1)
    let position = (size - guest.left) % Self.piece.count
    guest.left -= crowd.send(Array(Self.piece[position...]), to: guest, whole: false)
    guard guest.left <= 0 else { return }
    guest.stage = isEnding ? Stage.ended : Stage.over
    if isEnding { crowd.say("\r\n.\r\n", to: guest) }
  }

  private func hear(_ code: String, _ guest: Crowd.Guest, _ replies: inout [String: Int]) {
    switch (guest.stage, code) {
    case (0, "220"):
      crowd.say(
        "EHLO slow.example\r\nMAIL FROM:<slow@elsewhere.example>\r\nRCPT TO:<alice@office.example>\r\n", to: guest)
      guest.stage = Stage.greeted
    case (Stage.greeted..<Stage.dataAsked, "250"):
      guest.stage += 1
      if guest.stage == Stage.dataAsked { crowd.say("DATA\r\n", to: guest) }
    case (Stage.dataAsked, "354"):
      crowd.say("Subject: slow\r\n\r\n", to: guest)
      (guest.stage, guest.due) = (Stage.sending, Crowd.now())
    default:
      replies[code, default: 0] += 1
      guest.stage = Stage.over
      crowd.leave(guest)
    }
  }
}
