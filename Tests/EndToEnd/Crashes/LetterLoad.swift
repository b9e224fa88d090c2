import Foundation

/// A client that sends messages over SMTP and keeps a journal of what it was told. What it got no answer to it sends again
/// in the next life of the server, as a queue would, until it has one.
///
/// `@unchecked Sendable`: one thread at a time; the series waits for it before it looks.
final class LetterLoad: @unchecked Sendable {
  enum Kind { case outside, submission }

  let kind: Kind
  private let name: String
  private(set) var acknowledged: Set<String> = []
  private(set) var tried: Set<String> = []
  /// Refused for now: the process ended twice while it worked on them, by chance.
  private(set) var putOff: Set<String> = []
  private(set) var sentAgain = 0
  private var pending: Letter?
  private var number = 0

  private struct Letter {
    var id: String
    var content: String
  }

  init(_ kind: Kind, name: String) {
    self.kind = kind
    self.name = name
  }

  /// Sends until the server is gone.
  func run(on office: Ports) {
    guard let wire = try? connect(office) else { return }
    if pending != nil { sentAgain += 1 }
    while (try? sendOne(wire)) != nil {}
  }

  private func connect(_ office: Ports) throws -> Wire {
    let wire = try Wire(port: kind == .outside ? office.smtp : office.submission, seconds: 10)
    try wire.expect(220)
    try wire.ask("EHLO load.example", 250)
    if kind == .submission {
      let token = Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString()
      try wire.ask("AUTH PLAIN \(token)", 235)
    }
    return wire
  }

  private func sendOne(_ wire: Wire) throws {
    let letter = pending ?? next()
    pending = letter
    tried.insert(letter.id)
    // A reverse-path of its own for each: after two crashes the same one is put off, as a poisoned message would be.
    let sender = kind == .outside ? "\(letter.id)@elsewhere.example" : "alice+\(letter.id)@office.example"
    try wire.say("MAIL FROM:<\(sender)>")
    let answer = try wire.reply()
    guard answer.hasPrefix("250") else {
      guard answer.hasPrefix("451") else { throw Wire.Unexpected(description: answer) }
      putOff.insert(letter.id)
      pending = nil
      return
    }
    for recipient in recipients { try wire.ask("RCPT TO:<\(recipient)>", 250) }
    try wire.ask("DATA", 354)
    try wire.send(letter.content)
    try wire.expect(250)
    acknowledged.insert(letter.id)
    pending = nil
  }

  private var recipients: [String] {
    switch kind {
    case .outside: ["alice@office.example", "bob@office.example"]
    case .submission: ["bob@office.example", "carol@remote.example"]
    }
  }

  /// Now and then one that is staged on its way in.
  private func next() -> Letter {
    number += 1
    let id = "\(name)n\(number)"
    let lines = kind == .outside && number % 12 == 3 ? 5000 : 20
    let body = String(repeating: String(repeating: "x", count: 78) + "\r\n", count: lines)
    return Letter(
      id: id, content: "From: alice@office.example\r\nMessage-ID: <\(id)@load>\r\nSubject: load\r\n\r\n\(body).\r\n")
  }
}

/// Where the appliance listens in its present life.
struct Ports: Sendable {
  let smtp, submission, imap: Int

  init(_ office: TestAppliance) throws {
    smtp = try office.port("smtp")
    submission = try office.port("submission")
    imap = try office.port("imap")
  }
}
