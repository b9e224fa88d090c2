import Configuration
import MailFlow
import Platform
import Store

extension Command {
  /// Mail that waits to leave, and what is held.
  static let queue: [Command] = [
    Command("queue list") { arguments, office, emit in
      let state = try arguments["state"].map { word in
        guard let state = RecipientState(word), state == .queued || state == .held else {
          throw CommandFailure(status: 2, "mail in the queue is queued or held, not \(word): write one of these")
        }
        return state
      }
      // `postroom queue frob` is read as a list of frob: no such thing is no empty list, but wrong use.
      let wanted = try await wanted(arguments, office)
      try await eachWaiting(arguments, office, envelope: wanted?.count == 1 ? wanted?.first?.envelope : nil) {
        listing in
        guard listing.state != RecipientState.quarantined.description else { return }
        if let state, listing.state != state.description { return }
        if let wanted, RecipientID(listing.id).map({ wanted.contains($0) }) != true { return }
        try await emit(ControlRow(text: listing.line, listing))
      }
    },
    Command("queue show") { arguments, office, emit in
      let text = try arguments.required("id")
      var shown = 0
      for id in try await recipients(text, office) where try await office.state(of: id)?.isWaiting == true {
        let detail = try await office.flow.queue.show(id)
        try await emit(ControlRow(text: detail.text, detail))
        shown += 1
      }
      guard shown > 0 else {
        throw CommandFailure("nothing of \(text) waits: `postroom trace \(text)` tells its journey")
      }
    },
    change("queue retry", "due now", from: [.queued]) { try await $0.flow.queue.retry($1, by: $2) },
    change("queue hold", "held", from: [.queued]) { try await $0.flow.queue.hold($1, by: $2) },
    changeTogether("queue release", "released", from: [.held]) { await $0.flow.queue.release($1, by: $2) },
    change("queue delete", "deleted", from: [.queued, .held]) { try await $0.flow.queue.delete($1, by: $2) },
  ]

  /// Mail that a filter has kept back.
  static let quarantine: [Command] = [
    Command("quarantine list") { arguments, office, emit in
      try await eachWaiting(arguments, office, state: .quarantined) { listing in
        try await emit(ControlRow(text: listing.line, listing))
      }
    },
    Command("quarantine show") { arguments, office, emit in
      let text = try arguments.required("id")
      for id in try await recipients(text, office) where try await office.state(of: id) == .quarantined {
        let detail = try await office.flow.queue.show(id)
        try await emit(ControlRow(text: detail.text, detail))
        return
      }
      throw CommandFailure("\(text) is not in the quarantine: `postroom quarantine list` shows what is")
    },
    change("quarantine release", "released", from: [.quarantined]) { _ = try await $0.flow.queue.release($1, by: $2) },
    change("quarantine delete", "deleted", from: [.quarantined]) { try await $0.flow.queue.delete($1, by: $2) },
  ]

  /// A command that does something to chosen recipients, and tells of each.
  private static func change(
    _ name: String, _ done: String, from states: Set<RecipientState>,
    _ act: @escaping @Sendable (Office, RecipientID, String) async throws -> Void
  ) -> Command {
    changeTogether(name, done, from: states) { office, ids, actor in
      // Side by side: the store puts what comes together into one commit.
      await withTaskGroup(of: (RecipientID, (any Error)?).self) { group in
        for id in ids {
          group.addTask {
            do {
              try await act(office, id, actor)
              return (id, nil)
            } catch {
              return (id, error)
            }
          }
        }
        var failures: [RecipientID: any Error] = [:]
        for await (id, error) in group { failures[id] = error }
        return failures
      }
    }
  }

  /// Recipients that are changed at once.
  private static let together = 200

  /// - Parameter act: gives those that stayed as they were, and why.
  private static func changeTogether(
    _ name: String, _ done: String, from states: Set<RecipientState>,
    _ act: @escaping @Sendable (Office, [RecipientID], String) async -> [RecipientID: any Error]
  ) -> Command {
    Command(name) { arguments, office, emit in
      let chosen = try await chosen(arguments, office, from: states)
      guard !chosen.isEmpty else {
        throw CommandFailure("no waiting mail fits: `postroom queue list` shows what waits")
      }
      var count = 0
      for start in stride(from: 0, to: chosen.count, by: together) {
        let some = Array(chosen[start..<min(start + together, chosen.count)])
        let failures = await act(office, some, arguments.actor)
        count += failures.count
        for id in some {
          if let error = failures[id] {
            try await emit(
              ControlRow(text: "\(id): nothing was done: \(error)", ["id": id.description, "error": "\(error)"]))
          } else {
            try await emit(ControlRow(text: "\(id): \(done)", ["id": id.description, "done": done]))
          }
        }
      }
      if count > 0 {
        throw CommandFailure(
          "\(count) of \(chosen.count) \(chosen.count == 1 ? "recipient" : "recipients") stayed as they were: see why above"
        )
      }
    }
  }

  /// The recipients that a listing names; `nil`: it names none, and wants all.
  private static func wanted(_ arguments: Arguments, _ office: Office) async throws -> Set<RecipientID>? {
    guard let words = arguments["ids"]?.split(separator: " ") else { return nil }
    var wanted: Set<RecipientID> = []
    for word in words { wanted.formUnion(try await recipients(String(word), office)) }
    return wanted
  }

  /// The recipients that ids or options of a command choose, those in one of the states only.
  private static func chosen(
    _ arguments: Arguments, _ office: Office, from states: Set<RecipientState>
  ) async throws -> [RecipientID] {
    var chosen: [RecipientID] = []
    if let ids = arguments["ids"] {
      for word in ids.split(separator: " ") {
        for id in try await recipients(String(word), office) {
          // A recipient named in full is tried whatever its state: the refusal says why it cannot be done.
          if RecipientID(word) != nil {
            chosen.append(id)
          } else if let state = try await office.state(of: id), states.contains(state) {
            chosen.append(id)
          }
        }
      }
      return chosen
    }
    try await eachWaiting(arguments, office) { listing in
      if let id = RecipientID(listing.id), let state = RecipientState(listing.state), states.contains(state) {
        chosen.append(id)
      }
    }
    return chosen
  }

  /// `ENVELOPE.NUMBER` is one recipient, `ENVELOPE` all of its.
  private static func recipients(_ text: String, _ office: Office) async throws -> [RecipientID] {
    if let id = RecipientID(text) { return [id] }
    guard let envelope = EnvelopeID(text) else {
      throw CommandFailure(
        status: 2,
        "\(text) is no number of the queue, and no command: write numbers as `postroom queue list` shows them")
    }
    return try await office.store.read { try $0.recipients(of: envelope).map(\.id) }
  }

  /// All waiting recipients that fit the options, page by page.
  private static func eachWaiting(
    _ arguments: Arguments, _ office: Office, state: RecipientState? = nil, envelope: EnvelopeID? = nil,
    _ each: (QueueListing) async throws -> Void
  ) async throws {
    let age = try arguments["age"].map { text in
      guard let age = Configuration.duration(text), age >= .zero else {
        throw CommandFailure(status: 2, "the age is \(text): write it as \"30 min\", \"4 h\" or \"2 days\"")
      }
      return age
    }
    // `<>` is how listings show that there is none.
    let sender = arguments["sender"].map { $0 == "<>" ? "" : $0 }
    var filter = QueueFilter(
      state: state, recipient: arguments["recipient"], sender: sender, destination: arguments["destination"],
      account: arguments["account"], envelope: envelope, acceptedBy: age.map { office.flow.now - $0 },
      reason: arguments["reason"], limit: 500)
    while true {
      let page = try await office.flow.queue.list(filter)
      for listing in page { try await each(listing) }
      guard page.count == filter.limit, let last = page.last.flatMap({ RecipientID($0.id) }) else { return }
      filter.after = last
    }
  }
}

extension Office {
  func state(of id: RecipientID) async throws -> RecipientState? {
    try await store.read { try $0.recipient(id)?.state }
  }
}

extension QueueListing {
  /// One line of a listing.
  fileprivate var line: String {
    let from = sender.isEmpty ? "<>" : sender
    var text = "\(padded(id, 10)) \(padded(state, 11)) \(arrived)  \(readableSize(size))  \(from) → \(recipient)"
    if let due { text += ", \(state == "held" ? "until" : "next attempt") \(due)" }
    if attempts > 0 { text += ", tried \(attempts == 1 ? "once" : "\(attempts) times")" }
    if isUnderWay { text += ", being sent now" }
    if let subject { text += "\n           \(subject)" }
    if let said { text += "\n           \(said)" }
    return text
  }
}

extension QueueDetail {
  fileprivate var text: String {
    var lines = [listing.line, ""]
    lines += header.map { "  " + $0 }
    if !attachments.isEmpty { lines += ["", "  carries: " + attachments.joined(separator: ", ")] }
    return (lines + ["", journey.text]).joined(separator: "\n")
  }
}
