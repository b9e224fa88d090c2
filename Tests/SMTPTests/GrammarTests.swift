import Testing

@testable import SMTP

@Suite struct GrammarTests {
  private func path(_ text: String, bare: Bool = true) -> String? {
    var grammar = PathGrammar(Array(text.utf8)[...])
    guard let mailbox = grammar.path(allowsBarePostmaster: bare), grammar.rest.isEmpty else { return nil }
    let local = String(decoding: mailbox.localPart, as: UTF8.self)
    return mailbox.domain.map { "\(local)|\(String(decoding: $0, as: UTF8.self))" } ?? local
  }

  @Test func paths() {
    #expect(path("<a@b.example>") == "a|b.example")
    #expect(path("<a.b+c=d@b>") == "a.b+c=d|b")
    #expect(path("<\"a b\\\"c\"@b.example>") == "a b\"c|b.example")
    #expect(path("<\"\"@b.example>") == "|b.example")
    #expect(path("<a@[192.0.2.1]>") == "a|[192.0.2.1]")
    #expect(path("<a@[IPv6:2001:db8::1]>") == "a|[IPv6:2001:db8::1]")
    #expect(path("<a@[x-tag:data]>") == "a|[x-tag:data]")
    #expect(path("<@one.example,@two.example:a@b.example>") == "a|b.example")
    #expect(path("<Postmaster>") == "Postmaster")
    #expect(path("<postMASTER>") == "postMASTER")
    #expect(path("<\u{f6}@\u{fc}.example>") == "\u{f6}|\u{fc}.example")
  }

  @Test func notPaths() {
    for text in [
      "a@b", "<a@b", "<a>", "<@b>", "<a@>", "<a@b>x", "<a b@c>", "<.a@b>", "<a.@b>", "<a..b@c>", "<a@b..c>", "<a@-b>",
      "<a@b->", "<a@b_c>", "<a@b.>", "<\"a@b>", "<\"a\"b@c>", "<a@[1.2.3]>", "<a@[1.2.3.256]>", "<a@[IPv6:1.2.3.4]>",
      "<a@[::1]>", "<a@[]>", "<@one:two:a@b>", "<@one,two:a@b>", "<a@b\u{0}>", "<a\u{7f}@b>", "<a@[x:\\]>", "<<a@b>>",
      "<>",
    ] {
      #expect(path(text) == nil, "\(text)")
    }
    #expect(path("<Postmaster>", bare: false) == nil)
    #expect(path("<a@\(String(repeating: "x.", count: 127))yy>") == nil)
  }

  @Test func pathsAreLimited() {
    var server = ScriptedServer()
    let domain = String(repeating: "x", count: 60) + "." + String(repeating: "y", count: 60) + ".example"
    let fits = String(repeating: "a", count: 256 - 3 - domain.count)
    server.feed("EHLO c\r\nMAIL FROM:<\(fits)@\(domain)>\r\nRSET\r\nMAIL FROM:<\(fits)a@\(domain)>\r\n")
    #expect(server.output.contains("250 2.1.0"))
    #expect(server.output.hasSuffix("501 5.1.7 Path too long\r\n"))
  }

  @Test func xtext() {
    let octets = Array(0...UInt8.max)
    #expect(Xtext.decode(Xtext.encode(octets)[...]) == octets)
    #expect(Xtext.encode("a+b=c".utf8) == Array("a+2Bb+3Dc".utf8))
    for bad in ["+", "+2", "+2G", "a=b", "a b", "\u{e4}"] { #expect(Xtext.decode(Array(bad.utf8)[...]) == nil) }
  }

  @Test func anOriginalAddressIsNoLongerWhenItIsPassedOn() {
    func original(_ text: String) -> OriginalAddress? { OriginalAddress(Array(text.utf8)[...]) }
    #expect(original("utf-8;" + String(repeating: "=", count: 150) + "é") != nil)
    // Within 500 octets as it came, beyond them as the xtext that it goes out as.
    #expect(original("utf-8;" + String(repeating: "=", count: 200) + "é") == nil)
    #expect(original("rfc822;" + String(repeating: "+3D", count: 160))?.text.utf8.count == 487)
  }

  @Test func enhancedCodes() {
    #expect(EnhancedCode("5.7.1") == EnhancedCode(5, 7, 1))
    for bad in ["", "5", "5.7", "5.7.1.1", "3.0.0", "5.1000.1", "5..1", "5.+1.1", "x.y.z"] {
      #expect(EnhancedCode(bad) == nil)
    }
  }

  @Test func repliesOnTheWire() {
    #expect(Reply(250, "2.0.0", "OK").encoded() == Array("250 2.0.0 OK\r\n".utf8))
    let two = Reply(550, EnhancedCode(5, 7, 1), ["one", "two"])
    #expect(two.encoded() == Array("550-5.7.1 one\r\n550 5.7.1 two\r\n".utf8))
    #expect(Reply(250, nil, "a\r\n250 b").encoded() == Array("250 a  250 b\r\n".utf8))
    let long = Reply(250, nil, String(repeating: "\u{e4}", count: 400)).encoded()
    #expect(long.count <= 512 && String(validating: long, as: UTF8.self) != nil)
  }
}

@Suite struct ReplyParserTests {
  private func parse(_ lines: [String]) -> Result<[Reply], ReplyError> {
    var parser = ReplyParser()
    var replies: [Reply] = []
    do throws(ReplyError) {
      for line in lines {
        if let reply = try parser.receive(Array(line.utf8)[...]) { replies.append(reply) }
      }
      return .success(replies)
    } catch {
      return .failure(error)
    }
  }

  @Test func replies() throws {
    #expect(try parse(["250 OK"]).get() == [Reply(250, nil, "OK")])
    #expect(try parse(["250"]).get() == [Reply(250, nil, "")])
    #expect(
      try parse(["250-a", "250-", "250 c", "354 go"]).get() == [
        Reply(250, nil, ["a", "", "c"]), Reply(354, nil, "go"),
      ])
    #expect(try parse(["550-5.1.1 a", "550 5.1.1 b"]).get() == [Reply(550, EnhancedCode(5, 1, 1), ["a", "b"])])
    // A code of another class is text (RFC 2034 §4).
    #expect(try parse(["250 5.1.1 a"]).get() == [Reply(250, nil, "5.1.1 a")])
    #expect(try parse(["550 x\u{1b}[31m"]).get() == [Reply(550, nil, "x?[31m")])
  }

  @Test func notReplies() {
    for lines in [[""], ["25"], ["25x OK"], ["150 OK"], ["600 OK"], ["250_OK"], ["250-a", "251 b"], ["HTTP/1.1 400"]] {
      #expect(throws: ReplyError.self) { try parse(lines).get() }
    }
    #expect(throws: ReplyError.self) { try parse(Array(repeating: "250-a", count: 300)).get() }
    #expect(throws: ReplyError.self) { try parse(["250 " + String(repeating: "x", count: 5000)]).get() }
  }
}
