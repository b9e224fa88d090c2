@testable import IMAP

/// Several sessions of one account, driven by random commands, each answer compared with ``ModelMail`` and ``ModelView``.
///
/// One command is carried out after the other, so that the model knows exactly what each session must hear.
struct ModelRun {
  /// One client and what it knows.
  struct Client {
    let number: Int
    var client: TestClient
    var isRev2 = false
    var hasCondstore = false
    var view: ModelView?
    /// Somebody else deleted the mailbox that it has selected.
    var isDoomed = false
    var tags = 0
  }

  let office: TestOffice
  /// Changes what the server said before the model sees it: to try whether the model would notice.
  var tamper: (@Sendable (String) -> String)?
  private(set) var mail = ModelMail()
  private(set) var carriedOut = 0
  private(set) var transcript: [String] = []
  private var clients: [Client] = []
  private var generator: ModelGenerator
  /// By name, the UIDVALIDITY of a mailbox that was deleted.
  private var pastValidities: [String: UInt32] = [:]

  init(_ office: TestOffice, seed: UInt64, clients count: Int) async throws {
    self.office = office
    generator = ModelGenerator(seed: seed)
    for name in ["INBOX", "Archive", "Trash"] { mail.boxes[name] = ModelMail.Box() }
    for number in 0..<count { clients.append(try await connect(number)) }
  }

  private mutating func connect(_ number: Int) async throws -> Client {
    var client = Client(number: number, client: await office.client())
    client.isRev2 = generator.chance(40)
    client.hasCondstore = generator.chance(60)
    let names = ["ID"] + (client.isRev2 ? ["IMAP4rev2"] : []) + (client.hasCondstore ? ["CONDSTORE"] : [])
    _ = try await ask("ENABLE \(names.joined(separator: " "))", &client)
    return client
  }

  /// Lets some client do something.
  mutating func step() async throws {
    let index = generator.number(0...clients.count - 1)
    let other = generator.number(0...clients.count - 1)
    if other != index, clients[index].view != nil, !clients[index].isDoomed, generator.chance(10) {
      try await idle(index, while: other)
    } else {
      try await act(index)
    }
  }

  private mutating func act(_ index: Int) async throws {
    var client = clients[index]
    if client.isDoomed {
      try await leave(&client)
    } else {
      let command = generator.command(client.view, mail, hasCondstore: client.hasCondstore)
      try await carryOut(command, &client)
    }
    carriedOut += 1
    clients[index] = client
  }

  /// Whoever has a deleted mailbox selected selects another or is sent away.
  private mutating func leave(_ client: inout Client) async throws {
    client.isDoomed = false
    if generator.chance(50) { return try await carryOut(.select("INBOX", isReadOnly: false), &client) }
    let answer = try await ask("NOOP", &client)
    try Mismatch.unless(answer.untagged.last?.name == "BYE", "no BYE to a client whose mailbox was deleted")
    client = try await connect(client.number)
  }

  private mutating func idle(_ index: Int, while other: Int) async throws {
    let before = mail
    var idler = clients[index]
    let tag = next(&idler)
    note(idler, "\(tag) IDLE")
    idler.client.send("\(tag) IDLE\r\n")
    // What is new may come before the server waits.
    var early: [String] = []
    repeat { early.append(await idler.client.line()) } while early.last?.hasPrefix("*") == true
    try Mismatch.unless(early.last?.hasPrefix("+") == true, "IDLE was answered by \(early)")
    for line in early { transcript.append("\(index)< \(line)") }
    let news = try ModelAnswer(Array((early.joined(separator: "\r\n") + "\r\n").utf8), tag: tag)
    _ = try idler.view?.takeIn(news, before: before, after: &mail, allowsExpunge: true)
    clients[index] = idler
    try await act(other)
    note(idler, "DONE")
    idler.client.send("DONE\r\n")
    let answer = try await read(tag, &idler)
    if clients[index].isDoomed {
      try Mismatch.unless(answer.untagged.last?.name == "BYE", "no BYE to IDLE on a mailbox that was deleted")
      clients[index] = try await connect(index)
      return
    }
    try Mismatch.unless(answer.status == "OK", "IDLE ended with \(answer.status)")
    try takeIn(answer, &idler, before: before, allowsExpunge: true)
    clients[index] = idler
  }

  // MARK: Speaking

  private mutating func next(_ client: inout Client) -> String {
    client.tags += 1
    return "c\(client.number)x\(client.tags)"
  }

  private mutating func note(_ client: Client, _ text: String) {
    transcript.append("\(client.number)> \(text.replacing("\r\n", with: "\u{2424}").prefix(200))")
    if transcript.count > 60 { transcript.removeFirst(20) }
  }

  private mutating func ask(_ text: String, _ client: inout Client) async throws -> ModelAnswer {
    let tag = next(&client)
    note(client, "\(tag) \(text)")
    client.client.send("\(tag) \(text)\r\n")
    return try await read(tag, &client)
  }

  private mutating func read(_ tag: String, _ client: inout Client) async throws -> ModelAnswer {
    let lines = await client.client.answer(tag)
    var text = lines.joined(separator: "\r\n") + "\r\n"
    // The tag was taken off the last line, if there was one.
    if !client.client.stream.isClosed, let last = lines.last {
      text = (lines.dropLast() + ["\(tag) \(last)"]).joined(separator: "\r\n") + "\r\n"
    }
    if let tamper { text = tamper(text) }
    for line in text.split(separator: "\r\n") { transcript.append("\(client.number)< \(line)") }
    return try ModelAnswer(Array(text.utf8), tag: tag)
  }

  /// Compares what a client was told, beside the answer itself, with the mail.
  @discardableResult
  private mutating func takeIn(
    _ answer: ModelAnswer, _ client: inout Client, before: ModelMail, allowsExpunge: Bool, isFetch: Bool = false
  ) throws -> [ModelView.Fetched] {
    let fetched =
      try client.view?.takeIn(answer, before: before, after: &mail, allowsExpunge: allowsExpunge) ?? []
    for response in fetched where client.hasCondstore && !isFetch {
      // RFC 7162 §3.1: from then on every FETCH that is not asked for has it.
      try Mismatch.unless(response.items["MODSEQ"] != nil, "a FETCH without MODSEQ after ENABLE CONDSTORE")
    }
    if answer.status != "BAD" { try client.view?.check(mail, allowsExpunge: allowsExpunge) }
    return fetched
  }

  // MARK: Commands

  private mutating func carryOut(_ command: ModelCommand, _ client: inout Client) async throws {
    let before = mail
    var expected = ModelExpectation()
    if case .delete(let name) = command, mail.boxes[name] != nil { forget(name, by: &client) }
    command.apply(to: &mail, client.view, &expected)
    switch command {
    case .select, .close: client.view = nil
    default: break
    }
    if case .select(let name, let isReadOnly) = command, mail.boxes[name] != nil {
      client.view = ModelView(box: name, isReadOnly: isReadOnly, isRev2: client.isRev2)
    }
    // A search is among the messages that the client knows when it asks.
    let searched = client.view?.uids ?? []
    let answer = try await ask(command.text, &client)
    try expected.check(answer)
    // What the client has itself set without being told, it knows.
    if case .store(_, _, let change, true, let flags, _) = command {
      let fetched = try client.view?.takeIn(answer, before: before, after: &mail, allowsExpunge: command.allowsExpunge)
      for uid in expected.changed {
        guard let known = client.view?.flags[uid] ?? (change == .replace ? [] : nil) else { continue }
        client.view?.flags[uid] = change.applied(to: known, flags)
      }
      try expected.check(fetched ?? [], silently: true)
      try client.view?.check(mail, allowsExpunge: command.allowsExpunge)
    } else {
      let fetched = try takeIn(
        answer, &client, before: before, allowsExpunge: command.allowsExpunge, isFetch: command.isFetch)
      try expected.check(fetched, silently: false)
    }
    try checkResult(of: command, answer, &client, among: searched)
  }

  /// A mailbox is deleted.
  private mutating func forget(_ name: String, by client: inout Client) {
    pastValidities[name] = mail.boxes[name]?.uidValidity ?? pastValidities[name]
    for index in clients.indices where clients[index].view?.box == name && clients[index].number != client.number {
      clients[index].isDoomed = true
      clients[index].view = nil
    }
    if client.view?.box == name { client.view = nil }
  }

  private mutating func checkResult(
    of command: ModelCommand, _ answer: ModelAnswer, _ client: inout Client, among searched: [UInt32]
  ) throws {
    guard answer.status == "OK" else { return }
    switch command {
    case .select(let name, _):
      try learnValidity(answer.argument("UIDVALIDITY"), of: name)
      let uidNext = answer.argument("UIDNEXT").flatMap { UInt32($0) }
      try Mismatch.unless(uidNext == mail.boxes[name]?.uidNext, "UIDNEXT \(uidNext ?? 0) of \(name)")
      guard let highest = answer.argument("HIGHESTMODSEQ").flatMap({ UInt64($0) }) else {
        throw Mismatch("SELECT tells no HIGHESTMODSEQ")
      }
      try mail.boxes[name]?.modSeqs.learnHighest(highest, after: mail.now)
      let unseen = mail.boxes[name]?.messages.firstIndex { !$0.flags.contains("\\Seen") }.map { "\($0 + 1)" }
      try Mismatch.unless(
        client.isRev2 || answer.argument("UNSEEN") == unseen, "UNSEEN \(answer.argument("UNSEEN") ?? "none")")
    case .status(let name): try checkStatus(answer, name)
    case .append(_, _, let name), .copy(_, _, _, let name):
      for code in ["APPENDUID", "COPYUID"] {
        let words = answer.argument(code)?.split(separator: " ").map(String.init)
        if let words { try learnValidity(words.first, of: name) }
      }
    case .search(let key, let isUID, let returns):
      let search = ModelSearchResult(
        key: key, isUID: isUID, returns: returns, isRev2: client.isRev2, searched: searched)
      try search.check(answer, &mail, &client.view)
    default: break
    }
  }

  private mutating func learnValidity(_ text: String?, of name: String) throws {
    guard let told = text.flatMap({ UInt32($0) }) else { throw Mismatch("no UIDVALIDITY of \(name)") }
    let known = mail.boxes[name]?.uidValidity ?? told
    // RFC 9051 §2.3.1.1: a mailbox of the same name gets a greater one.
    try Mismatch.unless(known == told && told > pastValidities[name] ?? 0, "UIDVALIDITY \(told) of \(name)")
    mail.boxes[name]?.uidValidity = told
  }

  private mutating func checkStatus(_ answer: ModelAnswer, _ name: String) throws {
    let box = mail.boxes[name] ?? ModelMail.Box()
    let items = answer.untagged.first { $0.name == "STATUS" }?.words.last?.list?.compactMap(\.text) ?? []
    func value(_ item: String) -> Int? { items.firstIndex(of: item).flatMap { Int(items[$0 + 1]) } }
    let expected = [
      "MESSAGES": box.messages.count, "UIDNEXT": Int(box.uidNext),
      "UNSEEN": box.messages.count { !$0.flags.contains("\\Seen") },
      "DELETED": box.messages.count { $0.flags.contains("\\Deleted") },
      "SIZE": box.messages.reduce(0) { $0 + ModelContent(number: $1.content).size },
    ]
    for (item, number) in expected {
      try Mismatch.unless(value(item) == number, "STATUS of \(name): \(item) \(value(item) ?? -1), expected \(number)")
    }
    try learnValidity(value("UIDVALIDITY").map(String.init), of: name)
  }
}
