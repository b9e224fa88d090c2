import Configuration
import Network
import Platform
import Testing

@testable import Postroom

@Suite(.timeLimit(.minutes(5))) struct ReloadTests {
  @Test func servicesComeAndGoAndTheOthersNoticeNothing() async throws {
    let office = try Office()
    try await office.run { appliance in
      let port = appliance.port(of: .smtp)
      let living = try await Client.connect(appliance, .smtp)
      _ = try await living.reply()
      let leaving = try await Client.connect(appliance, .imap)
      _ = try await leaving.text()

      let later = try await appliance.reload(with: office.configuration(office.text(on: [.smtp, .submission])))
      #expect(later.isEmpty)
      #expect(appliance.port(of: .smtp) == port)
      #expect(appliance.port(of: .imap) == nil)
      try await Client.expectGreeting(appliance, .submission, "220")
      #expect(try await living.ask("NOOP").hasPrefix("250"))
      #expect(try await leaving.text()?.hasPrefix("* BYE") == true)
      await leaving.close()
      await living.close()
      #expect(appliance.configuration.generation == 2)
      #expect(await appliance.report().generation == 2)
    }
  }

  @Test func aBadConfigurationChangesNothing() async throws {
    let office = try Office()
    let file = try office.write("appliance.conf", office.text())
    try await office.run(configurationFile: file) { appliance in
      let port = try #require(appliance.port(of: .smtp))
      let bad = [
        office.text() + "\nnonsense = 1\n",
        office.text(extra: "[tls]\ncertificate = \"/nonexistent.pem\"\nkey = \"/nonexistent.key\"\n"),
        office.text(on: [.smtp], extra: "[submission]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:\(port)\"]\n"),
      ]
      for text in bad {
        _ = try office.write("appliance.conf", text)
        await #expect(throws: (any Error).self) { try await appliance.reload() }
        #expect(appliance.configuration.generation == 1)
        #expect(appliance.port(of: .smtp) == port)
        #expect(appliance.port(of: .submission) == nil)
        try await Client.expectGreeting(appliance, .imap, "* OK")
      }
      _ = try office.write("appliance.conf", office.text(hostname: "new.office.example"))
      _ = try await appliance.reload()
      #expect(appliance.configuration.hostname == "new.office.example")
      try await Client.expectGreeting(appliance, .smtp, "220 new.office.example")
    }
  }

  @Test func certificatesAreReadAnew() async throws {
    let office = try Office()
    func put(_ name: String) throws {
      let made = try SelfMadeCertificate(names: [name], now: Clock.system.now())
      _ = try office.write("c.pem", String(decoding: made.certificatePEM, as: UTF8.self))
      _ = try office.write("k.pem", String(decoding: made.keyPEM, as: UTF8.self))
    }
    let text = office.text(
      on: [.imaps], extra: "[tls]\ncertificate = \"\(office.folder)/c.pem\"\nkey = \"\(office.folder)/k.pem\"\n")
    try put("one.example")
    try await office.run(office.configuration(text)) { appliance in
      func isShown(_ name: String) async throws -> Bool {
        let trust = try ClientTrust(roots: office.folder + "/c.pem")
        let connection = try await Client.connect(appliance, .imaps)
        defer { connection.abort() }
        let tls = ClientTLS(serverName: name, verification: .none, trust: trust)
        return try await connection.startTLS(tls).session.verification == .verified
      }
      #expect(try await isShown("one.example"))
      try put("two.example")
      #expect(!(try await isShown("two.example")))
      _ = try await appliance.reload(with: office.configuration(text))
      #expect(try await isShown("two.example"))
      let troubles = await appliance.report().troubles
      #expect(troubles.contains { $0.contains("not for mail.office.example") })
    }
  }

  @Test func theSelfMadeCertificateIsKeptUntilTheNameChanges() async throws {
    let office = try Office()
    let file = CertificateFile(
      certificate: office.folder + "/data/certificate.pem", key: office.folder + "/data/key.pem")
    try await office.run { _ in }
    let first = try file.inspect()
    #expect(first.covers("mail.office.example") && first.covers("localhost"))
    try await office.run { appliance in
      #expect(try file.inspect() == first)
      _ = try await appliance.reload(with: office.configuration(office.text(hostname: "new.office.example")))
      #expect(try file.inspect().covers("new.office.example"))
    }
  }

  @Test func whatWaitsForAStartIsSaid() async throws {
    let office = try Office()
    try await office.run { appliance in
      let text = office.text().replacing("disk-reserve = \"1 MiB\"", with: "disk-reserve = \"2 MiB\"")
      let later = try await appliance.reload(with: office.configuration(text))
      #expect(later.count == 1 && later.first?.hasPrefix("limits.disk-reserve") == true)
      #expect(appliance.configuration.limits.diskReserve == 1 << 20, "what is in force is told, not what is wished")
      #expect(try await appliance.reload(with: office.configuration(text)) == later, "it still waits")
      #expect(try await appliance.reload(with: office.configuration()).isEmpty)
    }
    let ended = Appliance(try office.configuration())
    await #expect(throws: ApplianceError.self) { try await ended.reload(with: office.configuration()) }
    await #expect(throws: ApplianceError.self) { try await ended.reload() }
  }

  @Test func reloadsAtOnceFollowEachOther() async throws {
    let office = try Office()
    try await office.run { appliance in
      let configuration = try office.configuration()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<10 { group.addTask { _ = try? await appliance.reload(with: configuration) } }
      }
      #expect(appliance.configuration.generation == 11)
      try await Client.expectGreeting(appliance, .smtp, "220")
    }
  }
}
