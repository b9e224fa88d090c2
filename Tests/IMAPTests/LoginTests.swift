import Message
import Network
import Testing

@testable import IMAP

@Suite(.timeLimit(.minutes(5))) struct LoginTests {
  @Test func theGreetingSaysWhatIsPossible() async throws {
    try await TestOffice.with { office in
      let secure = await office.connect()
      #expect(secure.greeting.hasPrefix("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR ID ENABLE IDLE LITERAL- AUTH="))
      let plain = await office.connect(TestStream(isEncrypted: false, canOfferTLS: true))
      #expect(plain.greeting.contains("STARTTLS LOGINDISABLED"))
    }
  }

  @Test func loginTellsWhatIsPossibleNow() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      let answer = await client.command("LOGIN alice {6}\r\nsecret")
      #expect(answer.first == "+ Ready for the literal")
      #expect(answer.last?.hasPrefix("OK [CAPABILITY IMAP4rev1 IMAP4rev2") == true)
      #expect(answer.last?.contains("LITERAL+") == true)
      await client.expect("LOGIN alice secret", ["BAD You are logged in already"])
    }
  }

  @Test func aWrongPasswordAndAnUnknownNameHearTheSame() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      let wrong = await client.command("LOGIN alice wrong")
      #expect(wrong == ["NO [AUTHENTICATIONFAILED] User name or password is wrong"])
      #expect(await client.command("LOGIN nobody \"\"") == wrong)
      #expect(await client.command("LOGIN alice@example.org secret").last?.hasPrefix("OK") == true)
    }
  }

  @Test func tooManyFailuresEndTheConnection() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      for _ in 1..<5 { await client.command("LOGIN alice wrong") }
      #expect(await client.command("LOGIN alice wrong").last?.hasPrefix("NO [AUTHENTICATIONFAILED]") == true)
      #expect(await client.rest().hasPrefix("* BYE Too many logins failed"))
      await client.ended()
    }
  }

  @Test func withoutTLSThereIsNoPassword() async throws {
    try await TestOffice.with { office in
      let client = await office.connect(TestStream(isEncrypted: false, canOfferTLS: true))
      #expect(await client.command("LOGIN alice secret").last?.hasPrefix("NO [PRIVACYREQUIRED]") == true)
      #expect(
        await client.command("AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==").last?.hasPrefix("NO [PRIVACYREQUIRED]") == true)
      await client.expect("SELECT INBOX", ["BAD Log in first"])
    }
  }

  @Test func authenticatePlainWithAndWithoutInitialResponse() async throws {
    let response = String(decoding: Base64.encode(Array("\u{0}alice\u{0}secret".utf8)), as: UTF8.self)
    try await TestOffice.with { office in
      let first = await office.connect()
      #expect(await first.command("AUTHENTICATE PLAIN \(response)").last?.hasPrefix("OK [CAPABILITY") == true)
      let second = await office.connect()
      second.send("a AUTHENTICATE PLAIN\r\n")
      #expect(await second.line() == "+ ")
      second.send("\(response)\r\n")
      #expect(await second.answer("a").last?.hasPrefix("OK") == true)
    }
  }

  @Test func authenticateLogin() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      client.send("a AUTHENTICATE LOGIN\r\n")
      #expect(await client.line() == "+ VXNlcm5hbWU6")
      client.send("YWxpY2U=\r\n")
      #expect(await client.line() == "+ UGFzc3dvcmQ6")
      client.send("c2VjcmV0\r\n")
      #expect(await client.answer("a").last?.hasPrefix("OK") == true)
    }
  }

  @Test func anExchangeCanBeGivenUpOrBeBroken() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      for (response, answer) in [
        ("*", "BAD Given up, as you wish"), ("=AAA", "BAD This is not base64"), ("a b", "BAD This is not base64"),
      ] {
        client.send("a AUTHENTICATE PLAIN\r\n")
        #expect(await client.line() == "+ ")
        client.send("\(response)\r\n")
        #expect(await client.answer("a") == [answer])
      }
      await client.expect("AUTHENTICATE PLAIN AAA=BBB", ["BAD This is not base64"])
      #expect(await client.command("AUTHENTICATE GSSAPI").last?.hasPrefix("NO ") == true)
      #expect(await client.command("AUTHENTICATE PLAIN =").last?.hasPrefix("OK") == false)
    }
  }

  /// Nothing that was pipelined in plain text behind STARTTLS is obeyed (RFC 9051 §6.2.1).
  @Test func startTLSDropsWhatWasInjected() async throws {
    try await TestOffice.with { office in
      let client = await office.connect(TestStream(isEncrypted: false, canOfferTLS: true))
      client.send("a STARTTLS\r\nb CAPABILITY\r\n")
      #expect(await client.line() == "a OK Begin TLS now")
      let answer = await client.command("CAPABILITY")
      #expect(answer.count == 2)
      #expect(answer[0].contains("AUTH=PLAIN") && !answer[0].contains("STARTTLS"))
      #expect(await client.command("STARTTLS").last?.hasPrefix("BAD") == true)
      #expect(await client.command("LOGIN alice secret").last?.hasPrefix("OK") == true)
    }
  }

  @Test func badCommandsEndASessionBeforeLoginSoon() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      for _ in 1..<10 { #expect(await client.command("FOO").last?.hasPrefix("BAD") == true) }
      await client.command("FOO")
      #expect(await client.rest() == "* BYE Too many commands could not be understood\r\n")
    }
  }

  @Test func aLineWithoutEndEndsTheSession() async throws {
    try await TestOffice.with { office in
      let client = await office.connect()
      client.send("a LOGIN " + String(repeating: "x", count: 9000) + "\r\n")
      #expect(await client.rest().hasPrefix("* BYE [TOOBIG]"))
    }
  }

  @Test func shutdownAndSilenceAreSaid() async throws {
    try await TestOffice.with { office in
      let first = await office.client()
      first.stream.fail(.shuttingDown)
      #expect(await first.rest() == "* BYE [UNAVAILABLE] The server is shutting down, connect again in a moment\r\n")
      let second = await office.client()
      second.stream.fail(.timedOut)
      #expect(await second.rest() == "* BYE Nothing was heard for too long\r\n")
      let third = await office.client()
      third.stream.end()
      #expect(await third.rest() == "")
    }
  }

  @Test func logout() async throws {
    try await TestOffice.with { office in
      let client = await office.client(selecting: "INBOX")
      await client.expect("LOGOUT", ["* BYE Goodbye", "OK Logged out"])
      await client.ended()
      #expect(office.flow.changes.count == 0)
    }
  }

  /// Every split of what a client says gives the same answers.
  @Test func splitsChangeNothing() async throws {
    try await TestOffice.with { office in
      let script = Array(
        "a LOGIN {5}\r\nalice {6+}\r\nsecret\r\nb SELECT INBOX\r\nc LIST \"\" \"*\"\r\nd NOPE {3+}\r\nabc\r\ne LOGOUT\r\n"
          .utf8)
      func run(_ split: Int) async -> String {
        let client = await office.connect()
        client.stream.send(script[..<split])
        // The session takes what is there before the rest comes.
        while split > 0, client.stream.outputCount == 0, split == script.count { await Task.yield() }
        await Task.yield()
        client.stream.send(script[split...])
        return await client.rest()
      }
      let whole = await run(0)
      #expect(whole.contains("e OK Logged out"))
      for split in stride(from: 1, to: script.count, by: 3) { #expect(await run(split) == whole, "\(split)") }
    }
  }
}
