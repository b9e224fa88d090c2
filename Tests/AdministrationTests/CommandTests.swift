import Administration
import MailFlow
import Platform
import Store
import Testing

@Suite struct CommandTests {
  @Test func whatIsNoCommandIsWrongUse() async throws {
    try await withTestOffice { office in
      #expect(await office.ask("queue burn").end.status == 2)
      #expect(await office.ask("").end.status == 2)
      #expect(await office.ask("queue show").end.status == 2)
      #expect(await office.ask("trace", ["since": "yesterday"]).end.status == 2)
    }
  }

  @Test func namesAreUnique() {
    #expect(Set(Command.all.map(\.name)).count == Command.all.count)
  }

  @Test func everyCommandOfTheIssueIsThere() {
    let names = Set(Command.all.map(\.name))
    for name in [
      "status", "reload", "trace", "queue list", "queue show", "queue retry", "queue hold", "queue release",
      "queue delete", "quarantine list", "quarantine show", "quarantine release", "quarantine delete", "account list",
      "account show", "account purge", "password set", "backup", "fsck",
    ] { #expect(names.contains(name), "\(name)") }
  }

  @Test func reloadNeedsARunningAppliance() async throws {
    try await withTestOffice { office in
      let (_, end) = await office.ask("reload")
      #expect(end.status == 1 && end.message.contains("no appliance runs"))
      #expect(await office.ask("reload", running: Running()).rows.first?.text == "a warning")
    }
  }

  struct Running: RunningAppliance {
    func reload() async throws -> [String] { ["a warning"] }
    func report() async -> RunningReport {
      RunningReport(
        version: "1", processID: 7, startedAt: "2026-11-22T12:00:00Z", generation: 3,
        services: [.init(name: "smtp", addresses: ["127.0.0.1:25"], connections: 2)], troubles: ["the disk is slow"])
    }
  }

  @Test func statusFitsOneScreen() async throws {
    try await withTestOffice { office in
      _ = await office.submit(to: ["x@example.net", "y@quarantine.example"])
      let text = await office.ask("status", running: Running()).rows.map(\.text).joined(separator: "\n")
      #expect(text.contains("1 queued, 0 held, 1 in quarantine") && text.contains("127.0.0.1:25, 2 connections"))
      #expect(text.contains("the disk is slow"))
      #expect(text.split(separator: "\n").count < 24)
      #expect(await office.ask("status").rows.first?.text.contains("no appliance runs") == true)
    }
  }

  // MARK: Passwords and accounts

  @Test func aPasswordIsSetAndTakenAway() async throws {
    try await withTestOffice { office in
      #expect(await office.ask("password set", ["name": "Alice", "password": "pencil"]).end.status == 0)
      let isSet = try await office.hasPassword("alice")
      #expect(isSet)
      let answer = await office.ask("password set", ["name": "alice", "password": "pencil"])
      #expect(!answer.rows.contains { $0.text.contains("pencil") || $0.json.contains("pencil") })
      let wrong = await office.ask("password set", ["name": "zed", "password": "x"])
      #expect(wrong.end.status == 1 && wrong.end.message.contains("zed"))
      let unsuitable = await office.ask("password set", ["name": "alice", "password": "Ⅸ"])
      #expect(unsuitable.end.status == 1 && unsuitable.end.message.contains("U+2168"))
      #expect(await office.ask("password remove", ["name": "alice"]).end.status == 0)
      let isGone = try await !office.hasPassword("alice")
      #expect(isGone)
    }
  }

  @Test func anAccountThatLeftTheFileKeepsItsMailUntilItIsPurged() async throws {
    try await withTestOffice { office in
      _ = try await office.store.write { try $0.createMailbox(account: "bob", name: "INBOX") }
      _ = await office.ask("password set", ["name": "bob", "password": "x"])
      let refused = await office.ask("account purge", ["name": "bob"])
      #expect(refused.end.status == 1 && refused.end.message.contains("take it out of the file"))
      try office.adopt(accounts: ["alice"])
      let listed = await office.ask("account list").rows
      #expect(listed.count == 2 && listed.contains { $0.text.contains("orphaned") })
      #expect(await office.ask("account purge", ["name": "bob"]).end.status == 0)
      let left = try await office.store.read { try $0.accounts() }
      #expect(left.isEmpty)
      #expect(try await office.hasPassword("bob") == false)
      #expect(await office.ask("account purge", ["name": "bob"]).end.status == 1)
      #expect(await office.ask("account show", ["name": "bob"]).end.status == 1)
    }
  }

  // MARK: Queue

  @Test func mailIsHeldReleasedAndDeleted() async throws {
    try await withTestOffice { office in
      let id = try #require(await office.submit(to: ["x@example.net", "y@example.net"]))
      #expect(await office.ask("queue list").rows.count == 2)
      let one = "\(id).\(try await office.store.read { try $0.recipients(of: id) }[0].id.number)"
      #expect(await office.ask("queue hold", ["ids": one]).end.status == 0)
      #expect(await office.ask("queue list", ["state": "held"]).rows.map { $0.text.contains(one) } == [true])
      #expect(await office.ask("queue list", ["state": "queued"]).rows.count == 1)
      #expect(await office.ask("queue list", ["state": "delivered"]).end.status == 2)
      #expect(await office.ask("queue retry", ["ids": one]).end.status == 1)
      #expect(await office.ask("queue release", ["ids": one]).end.status == 0)
      #expect(await office.ask("queue show", ["id": one]).rows.first?.text.contains("Invoice") == true)
      #expect(await office.ask("queue delete", ["ids": "\(id)"]).rows.count == 2)
      #expect(await office.ask("queue list").rows.isEmpty)
      #expect(await office.ask("queue show", ["id": "\(id)"]).end.status == 1)
      #expect(await office.ask("queue show", ["id": "x"]).end.status == 2)
      // Accounted for to the end.
      #expect(await office.ask("fsck").end.status == 0)
    }
  }

  @Test func theQuarantineIsNoPartOfTheQueue() async throws {
    try await withTestOffice { office in
      let id = try #require(await office.submit(to: ["y@quarantine.example"]))
      #expect(await office.ask("queue list").rows.isEmpty)
      #expect(await office.ask("quarantine list").rows.count == 1)
      #expect(await office.ask("quarantine show", ["id": "\(id)"]).rows.count == 1)
      #expect(await office.ask("queue delete", ["ids": "\(id)"]).end.status == 1)
      #expect(await office.ask("quarantine delete", ["ids": "\(id)"]).end.status == 0)
      #expect(await office.ask("quarantine list").rows.isEmpty)
    }
  }

  // MARK: Trace

  @Test func aJourneyIsFoundByItsTraces() async throws {
    try await withTestOffice { office in
      let id = try #require(await office.submit(to: ["x@example.net"], subject: "Evil \u{1b}[31m red"))
      for arguments in [
        ["what": "\(id)"], ["what": "<a14@example.org>"], ["address": "x@example.net"], ["subject": "evil"],
      ] {
        let found = await office.ask("trace", arguments)
        #expect(found.end.status == 0 && found.rows.count == 1, "\(arguments)")
        #expect(found.rows.allSatisfy { !$0.text.contains("\u{1b}") && !$0.json.contains("\u{1b}") })
      }
      #expect(await office.ask("trace", ["what": "nobody@example.net"]).end.status == 1)
    }
  }

  @Test func howTLSWentIsToldByTheOfficesClock() async throws {
    let long = Moment(seconds: 1_700_000_000)
    let office = try TestOffice(clock: Clock { long })
    office.store.countLazily(
      TLSSessionCount(day: TLSSessionCount.day(of: long), domain: "example.net", policyType: "no-policy-found"))
    #expect(await office.ask("tlsrpt show").rows.count == 1)
    #expect(await office.ask("tlsrpt show", ["since": "2d"]).rows.count == 1)
    #expect(await office.ask("tlsrpt show", ["until": "2d"]).end.status == 1)
    await office.close()
  }

  @Test func backupIsMade() async throws {
    try await withTestOffice { office in
      let answer = await office.ask("backup", ["file": office.folder + "/copy"])
      #expect(answer.end == ControlEnd(status: 0))
      #expect(await office.ask("backup", ["file": "/nowhere/copy"]).end.status == 1)
    }
  }
}
