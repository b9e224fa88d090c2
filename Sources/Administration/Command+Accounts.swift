import Configuration
import Store

extension Command {
  /// Accounts, as the file and the store know them.
  static let accounts: [Command] = [
    Command("account list") { _, office, emit in
      let stored = try await office.store.read { try $0.accounts() }
      let configured = Set(office.configuration.accounts.map(\.name))
      for name in configured.union(stored).sorted() {
        try await emit(try await AccountLine(name, office).row)
      }
    },
    Command("account show") { arguments, office, emit in
      let name = try arguments.required("name").lowercased()
      let line = try await AccountLine(name, office)
      guard line.configured || line.messages > 0 || !line.mailboxes.isEmpty else {
        throw CommandFailure("there is no account \(name): `postroom account list` shows all")
      }
      try await emit(line.longRow)
    },
    Command("account purge") { arguments, office, emit in
      let name = try arguments.required("name").lowercased()
      guard office.configuration.account(name) == nil else {
        throw CommandFailure("\(name) is an account of the configuration: take it out of the file and reload first")
      }
      let mailboxes = try await office.store.read { try $0.mailboxes(account: name) }
      let hasPassword = try await office.store.read { try $0.verifier(account: name) } != nil
      guard !mailboxes.isEmpty || hasPassword else {
        throw CommandFailure("\(name) has nothing here: `postroom account list` shows who has")
      }
      try await office.authenticator.removePassword(account: name)
      try await office.store.write(.freeing) { try $0.purge(account: name) }
      let messages = mailboxes.reduce(0) { $0 + $1.messages }
      try await emit(
        ControlRow(
          text: "Deleted \(mailboxes.count) mailboxes with \(messages) messages of \(name).",
          ["mailboxes": mailboxes.count, "messages": messages]))
    },
    Command("password set") { arguments, office, emit in
      let name = try arguments.required("name").lowercased()
      guard office.configuration.account(name) != nil else {
        throw CommandFailure("there is no account \(name) in the configuration: add it there first")
      }
      try await office.authenticator.setPassword(Array(try arguments.required("password").utf8), account: name)
      try await emit(ControlRow(text: "\(name) has a new password.", ["account": name]))
    },
    Command("password remove") { arguments, office, emit in
      let name = try arguments.required("name").lowercased()
      guard try await office.store.read({ try $0.verifier(account: name) }) != nil else {
        throw CommandFailure("\(name) has no password: `postroom account list` shows the accounts")
      }
      try await office.authenticator.removePassword(account: name)
      try await emit(ControlRow(text: "\(name) has no password any more.", ["account": name]))
    },
  ]
}

/// An account with what it holds, for a listing.
private struct AccountLine: Encodable {
  struct Box: Encodable {
    let name: String
    let messages: Int
    let unseen: Int
    let bytes: Int
  }

  let name: String
  /// Whether the file has it; else it is orphaned.
  let configured: Bool
  let addresses: [String]
  let password: Bool
  let messages: Int
  let bytes: Int
  let quota: Int?
  let mailboxes: [Box]

  init(_ name: String, _ office: Office) async throws {
    let account = office.configuration.account(name)
    let (boxes, verifier) = try await office.store.read { reader in
      (try reader.mailboxes(account: name), try reader.verifier(account: name))
    }
    self.name = name
    configured = account != nil
    addresses = account?.addresses.map(\.description) ?? []
    password = verifier != nil
    messages = boxes.reduce(0) { $0 + $1.messages }
    bytes = boxes.reduce(0) { $0 + $1.bytes }
    quota = account?.quota
    mailboxes = boxes.map { Box(name: $0.name, messages: $0.messages, unseen: $0.unseen, bytes: $0.bytes) }
  }

  private var summary: String {
    let size = quota.map { "\(readableSize(bytes)) of \(readableSize($0))" } ?? readableSize(bytes)
    var text = "\(name): \(messages) messages, \(size)"
    if !configured { text += ", orphaned: not in the configuration" }
    if configured && !password { text += ", no password yet" }
    return text
  }

  var row: ControlRow {
    get throws { try ControlRow(text: summary, self) }
  }

  var longRow: ControlRow {
    get throws {
      let boxes = mailboxes.map {
        "  \($0.name): \($0.messages) messages, \($0.unseen) unseen, \(readableSize($0.bytes))"
      }
      let lines = [summary] + (addresses.isEmpty ? [] : ["  addresses: \(addresses.joined(separator: ", "))"]) + boxes
      return try ControlRow(text: lines.joined(separator: "\n"), self)
    }
  }
}

/// `1.5 MiB`, for people.
func readableSize(_ bytes: Int) -> String {
  let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
  var value = Double(bytes)
  var unit = 0
  while value >= 1024, unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  if unit == 0 { return "\(bytes) bytes" }
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}
