import Message
import Platform
import Testing

@testable import MailFlow
@testable import Store

extension Day {
  /// More than a mebibyte: it is staged in two transactions, and passes several checkpoints.
  static let large: [UInt8] = lines(1_200_000)
  /// Staged, in one.
  static let medium: [UInt8] = lines(300_000)

  private static func lines(_ count: Int) -> [UInt8] {
    let line = (0..<70).map { UInt8(ascii: "a") + UInt8($0 % 26) } + [13, 10]
    var bytes: [UInt8] = []
    var number = 0
    while bytes.count < count {
      number += 1
      bytes += Array("\(number) ".utf8) + line
    }
    return bytes
  }

  /// The whole day, from an empty folder.
  static let script: [Step] = morning + noon + afternoon + evening

  private static let morning: [Step] = [
    Step(name: "prepare anna") { day in
      await day.attempt { try await day.house.flow.mailboxes.prepare(account: "anna") }
    },
    Step(name: "prepare others") { day in
      await day.attempt {
        try await day.house.store.write { transaction in
          for account in ["bert", "u0", "u1", "u2", "u3"] {
            _ = try SpecialFolders.inbox(of: account, in: &transaction)
          }
        }
      }
    },
    Step(name: "a password") { day in
      await day.attempt {
        let verifier = Verifier(salt: [1], iterations: 4096, storedKey: [2], serverKey: [3], changed: day.clock.now)
        try await day.house.store.write { try $0.setVerifier(verifier, account: "anna") }
      }
    },
    Step(name: "to two recipients", isMail: true) { day in
      await day.mail("two", to: ["anna@office.example", "bert@office.example"])
    },
    Step(name: "to a recipient here and one elsewhere", isMail: true) { day in
      await day.mail(
        "mixed", to: ["bert@office.example", "friend@elsewhere.example"], from: "anna@office.example",
        origin: .submission, notify: [.success, .failure])
    },
    Step(name: "a large one", isMail: true) { day in await day.mail("large", to: ["bert@office.example"], body: large)
    },
    Step(name: "four at once", isMail: true, isBurst: true) { day in await day.burst("burst") },
    Step(name: "to two elsewhere", isMail: true) { day in
      await day.mail(
        "away", to: ["friend@elsewhere.example", "other@elsewhere.example"], from: "anna@office.example",
        origin: .submission)
    },
    Step(name: "to nobody") { day in
      let outcome = await day.mail("nobody", to: ["nobody@office.example"])
      if case .refused(let words) = outcome, words.hasPrefix("550") { return .done }
      return outcome == .done ? .refused("accepted for nobody") : outcome
    },
  ]

  private static let noon: [Step] = [
    Step(name: "an attempt begins") { day in
      await day.attempt {
        let ids = [try day.recipient("away", 0), try day.recipient("away", 1)]
        try await day.house.flow.recordAttempt(ids, host: "mx.elsewhere.example")
      }
    },
    Step(name: "one deferred") { day in
      await day.attempt {
        try await day.house.flow.recordOutcomes([
          try day.recipient("away", 0): .deferred(
            until: day.clock.now + .seconds(600), status: "4.7.1", host: "mx.elsewhere.example", reply: "451 later")
        ])
      }
    },
    Step(name: "one failed, and the sender is told") { day in
      await day.attempt {
        try await day.house.flow.recordOutcomes([
          try day.recipient("away", 1): .failed(status: "5.1.1", host: "mx.elsewhere.example", reply: "550 nobody")
        ])
      }
    },
    Step(name: "relayed, and the sender is told") { day in
      await day.attempt {
        try await day.house.flow.recordOutcomes([
          try day.recipient("mixed", 1): .relayed(host: "mx.elsewhere.example", reply: "250 ok", supportsDSN: false)
        ])
      }
    },
    Step(name: "another attempt begins") { day in
      await day.attempt {
        try await day.house.flow.recordAttempt([try day.recipient("away", 0)], host: "mx.elsewhere.example")
      }
    },
    Step(name: "the process starts anew") { day in
      await day.close()
      return await day.attempt { try day.open() }
    },
    Step(name: "the attempt is uncertain") { day in
      await day.attempt { try await day.house.flow.recoverAttempts() }
    },
    Step(name: "to a group", isMail: true) { day in
      await day.mail("group", to: ["staff@office.example"], from: "anna@office.example", origin: .submission)
    },
    Step(name: "quarantined", isMail: true) { day in await day.mail("trap", to: ["trap@office.example"]) },
    Step(name: "released") { day in
      await day.attempt { try await day.house.flow.release(try day.recipient("trap"), by: "root") }
    },
    Step(name: "quarantined again", isMail: true) { day in await day.mail("second trap", to: ["trap@office.example"]) },
    Step(name: "deleted from the quarantine") { day in
      await day.attempt { try await day.house.flow.queue.delete(try day.recipient("second trap"), by: "root") }
    },
    Step(name: "held") { day in
      await day.attempt { try await day.house.flow.queue.hold(try day.recipient("away", 0), by: "root") }
    },
    Step(name: "let go") { day in
      await day.attempt { try await day.house.flow.queue.release(try day.recipient("away", 0), by: "root") }
    },
    Step(name: "replies were read") { day in
      for token in ["two", "mixed", "large", "away"] {
        if let id = day.ids[token] { day.house.flow.replyOutcome(id, .read) }
      }
      return .done
    },
  ]

  private static let afternoon: [Step] = [
    Step(name: "CREATE") { day in
      await day.attempt { _ = try await day.house.flow.mailboxes.create(account: "anna", name: "Work/2027") }
    },
    Step(name: "APPEND") { day in
      await day.attempt {
        let mailbox = try await day.mailbox("anna", "Work/2027")
        _ = try await day.house.flow.mailboxes.append(
          account: "anna", mailbox: mailbox, content: try await day.take("appended", Array("Draft.\r\n".utf8)),
          flags: .seen, keywords: ["$Forwarded"])
      }
    },
    Step(name: "APPEND of a larger one") { day in
      await day.attempt {
        let mailbox = try await day.mailbox("bert", "Archive")
        _ = try await day.house.flow.mailboxes.append(
          account: "bert", mailbox: mailbox, content: try await day.take("medium", medium))
      }
    },
    Step(name: "COPY") { day in
      await day.attempt {
        let (inbox, work) = (try await day.mailbox("anna", "INBOX"), try await day.mailbox("anna", "Work/2027"))
        _ = try await day.house.flow.mailboxes.copy(account: "anna", from: inbox, uids: [1, 2], to: work)
      }
    },
    Step(name: "MOVE") { day in
      await day.attempt {
        let (inbox, archive) = (try await day.mailbox("bert", "INBOX"), try await day.mailbox("bert", "Archive"))
        _ = try await day.house.flow.mailboxes.move(account: "bert", from: inbox, uids: [1, 2], to: archive)
      }
    },
    Step(name: "STORE") { day in
      await day.attempt {
        let inbox = try await day.mailbox("anna", "INBOX")
        _ = try await day.house.flow.mailboxes.changeFlags(
          account: "anna", mailbox: inbox, uids: [1, 3], .add, [.deleted, .seen], keywords: ["urgent"])
      }
    },
    Step(name: "EXPUNGE") { day in
      await day.attempt {
        let inbox = try await day.mailbox("anna", "INBOX")
        _ = try await day.house.flow.mailboxes.expunge(account: "anna", mailbox: inbox)
      }
    },
    Step(name: "EXPUNGE of the large one") { day in
      await day.attempt {
        let inbox = try await day.mailbox("bert", "INBOX")
        _ = try await day.house.flow.mailboxes.expunge(account: "bert", mailbox: inbox, onlyDeleted: false)
      }
    },
    Step(name: "the reaper") { day in await day.reap() },
    Step(name: "RENAME") { day in
      await day.attempt {
        try await day.house.flow.mailboxes.rename(account: "anna", from: "Work/2027", to: "Done/Work")
      }
    },
    Step(name: "DELETE") { day in
      await day.attempt { try await day.house.flow.mailboxes.delete(account: "bert", name: "Archive") }
    },
    Step(name: "no longer recent") { day in
      await day.attempt {
        let inbox = try await day.mailbox("anna", "INBOX")
        _ = try await day.house.flow.mailboxes.takeRecent(account: "anna", mailbox: inbox)
      }
    },
  ]

  private static let evening: [Step] = [
    Step(name: "the backup") { day in await day.backup() },
    Step(name: "relayed at last", after: .seconds(3600)) { day in
      await day.attempt {
        try await day.house.flow.recordOutcomes([
          try day.recipient("away", 0): .relayed(host: "mx.elsewhere.example", reply: "250 ok", supportsDSN: true)
        ])
      }
    },
    Step(name: "old traces go", after: .seconds(40 * 86_400)) { day in
      await day.attempt { _ = try await day.house.store.retire(before: day.clock.now - .seconds(86_400)) }
    },
    Step(name: "the last one", isMail: true) { day in await day.mail("last", to: ["bert@office.example"]) },
  ]
}
