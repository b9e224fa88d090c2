import Foundation
import Testing

/// A client that appends messages to mailboxes of its own and copies, moves, flags and expunges them, with a journal of
/// what it was told. It never does a thing twice: what it got no answer to may have happened or not, and is left alone.
///
/// `@unchecked Sendable`: one thread at a time; the series waits for it before it looks.
final class MailboxLoad: @unchecked Sendable {
  /// What is known of a change.
  enum Change { case untried, unanswered, done }

  struct Item {
    let id: String
    var uid = 0
    var append = Change.unanswered
    var copy = Change.untried
    var move = Change.untried
    var expunge = Change.untried
    /// `nil`: not known.
    var isFlagged: Bool? = false
    var isLost: Bool { [append, copy, move, expunge].contains(.unanswered) || isFlagged == nil }
  }

  private let name: String
  private var generator: SplitMix
  private var items: [Item] = []

  var box: String { name }
  var copies: String { "\(name)-copies" }
  var moved: String { "\(name)-moved" }

  init(name: String, seed: UInt64) {
    self.name = name
    generator = SplitMix(state: seed)
  }

  func makeMailboxes(_ wire: Wire) throws {
    for mailbox in [box, copies, moved] { _ = try wire.imap("CREATE \(mailbox)") }
  }

  /// Works until the server is gone.
  func run(on office: Ports) {
    guard let wire = try? Wire(port: office.imap, seconds: 10), (try? wire.line()) != nil,
      (try? wire.imap("LOGIN bob \"\(TestAppliance.password)\""))?.last?.hasPrefix("a OK") == true,
      (try? wire.imap("SELECT \(box)")) != nil
    else { return }
    while (try? step(wire)) != nil {}
  }

  private func step(_ wire: Wire) throws {
    try append(wire)
    let recent = items.indices.suffix(8).filter { !items[$0].isLost && items[$0].expunge == .untried }
    guard let index = recent.randomElement(using: &generator) else { return }
    let item = items[index]
    switch UInt8.random(in: 0..<5, using: &generator) {
    case 0 where item.move == .untried && item.copy == .untried:
      try carryOut(\.copy, of: index, "UID COPY \(item.uid) \(copies)", wire)
    case 1 where item.move == .untried: try carryOut(\.move, of: index, "UID MOVE \(item.uid) \(moved)", wire)
    case 2 where item.move == .untried:
      _ = try ask("UID STORE \(item.uid) +FLAGS.SILENT (\\Deleted)", wire)
      try carryOut(\.expunge, of: index, "UID EXPUNGE \(item.uid)", wire)
    case _ where item.move == .untried:
      let wanted = item.isFlagged == false
      items[index].isFlagged = nil
      _ = try ask("UID STORE \(item.uid) \(wanted ? "+" : "-")FLAGS (\\Flagged)", wire)
      items[index].isFlagged = wanted
    default: break
    }
  }

  private func append(_ wire: Wire) throws {
    let item = Item(id: "\(name)n\(items.count)")
    let text = "Message-ID: <\(item.id)@load>\r\n\r\nappended\r\n"
    items.append(item)
    let answer = try ask("APPEND \(box) {\(text.utf8.count)+}\r\n\(text)", wire)
    let words = answer.drop { $0 != "[" }.prefix { $0 != "]" }.split(separator: " ")
    guard words.count == 3, let uid = Int(words[2]) else { throw Wire.Unexpected(description: answer) }
    items[items.count - 1].uid = uid
    items[items.count - 1].append = .done
  }

  private func carryOut(_ change: WritableKeyPath<Item, Change>, of index: Int, _ command: String, _ wire: Wire) throws
  {
    items[index][keyPath: change] = .unanswered
    _ = try ask(command, wire)
    items[index][keyPath: change] = .done
  }

  private func ask(_ command: String, _ wire: Wire) throws -> String {
    guard let answer = try wire.imap(command).last, answer.hasPrefix("a OK") else {
      throw Wire.Unexpected(description: "\(command): \(wire.transcript.suffix(500))")
    }
    return answer
  }

  // MARK: The check

  var acknowledged: Int {
    items.reduce(0) { sum, item in
      sum + [item.append, item.copy, item.move, item.expunge].filter { $0 == .done }.count
    }
  }

  /// Holds the journal against what is there.
  func check(_ office: TestAppliance) throws {
    let (here, copied, gone) = (
      try Seen(office, "bob", box), try Seen(office, "bob", copies), try Seen(office, "bob", moved)
    )
    for item in items {
      #expect(Self.box(item).contains(here.count(item.id)), "\(box): \(item) is there \(here.count(item.id)) times")
      #expect(Self.expected(item.copy).contains(copied.count(item.id)), "\(copies): \(item)")
      #expect(Self.expected(item.move).contains(gone.count(item.id)), "\(moved): \(item)")
      if item.append == .done, item.expunge == .untried {
        #expect(here.count(item.id) + gone.count(item.id) == 1, "MOVE: \(item) is in neither or in both")
      }
      guard let isFlagged = item.isFlagged, let place = [here, gone].first(where: { $0.count(item.id) > 0 }) else {
        continue
      }
      #expect(place.flagged.contains(item.id) == isFlagged, "STORE: \(item)")
    }
  }

  private static func expected(_ change: Change) -> ClosedRange<Int> {
    switch change {
    case .untried: 0...0
    case .unanswered: 0...1
    case .done: 1...1
    }
  }

  /// How often it may be in the mailbox that it was appended to.
  private static func box(_ item: Item) -> ClosedRange<Int> {
    if item.move == .done || item.expunge == .done { return 0...0 }
    if [item.append, item.move, item.expunge].contains(.unanswered) { return 0...1 }
    return 1...1
  }
}

/// What is in a mailbox, by the ids of the load.
struct Seen {
  private(set) var counts: [String: Int] = [:]
  private(set) var flagged: Set<String> = []

  init(_ office: TestAppliance, _ account: String, _ mailbox: String) throws {
    let wire = try office.imap(account, select: mailbox)
    var isFlagged = false
    let lines = try wire.imap("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    guard lines.last?.hasPrefix("a OK") == true else {
      throw Wire.Unexpected(description: "FETCH ended with \(lines.last ?? "nothing")")
    }
    for line in lines {
      if line.hasPrefix("* ") { isFlagged = line.contains("\\Flagged") }
      guard let id = LoadID.find(in: line) else { continue }
      counts[id, default: 0] += 1
      if isFlagged { flagged.insert(id) }
    }
  }

  func count(_ id: String) -> Int { counts[id] ?? 0 }
}
