import Testing

@testable import Message

@Suite struct AddressListTests {
  /// `name|route|local|domain`, groups as `name:[…]`.
  private func shown(_ text: String) -> [String] {
    func show(_ mailbox: HeaderMailbox) -> String {
      [mailbox.name, mailbox.route, mailbox.localPart, mailbox.domain].map { $0?.text ?? "-" }.joined(separator: "|")
    }
    return AddressList(text.bytes).entries.map { entry in
      switch entry {
      case .mailbox(let mailbox): show(mailbox)
      case .group(let name, let members): "\(name.text):[\(members.map(show).joined(separator: ", "))]"
      }
    }
  }

  /// An @ outside quotes is no part of a name (RFC 2822 §3.2.6).
  @Test func aBareAtInANameIsTold() {
    func bare(_ text: String) -> [Bool] { AddressList(text.bytes).mailboxes.map(\.hasBareAt) }
    #expect(
      bare("a@b <c@d>, A @ B <c@d>, \"a@b\" <c@d>, A <c@d>, c@d (a@b), e@f") == [
        true, true, false, false, false, false,
      ])
  }

  @Test(arguments: [
    ("a@b.example", ["-|-|a|b.example"]),
    ("A B <a@b>, c@d", ["A B|-|a|b", "-|-|c|d"]),
    ("\"Doe, John\" <j@d>", ["Doe, John|-|j|d"]),
    ("j@d (John Doe)", ["John Doe|-|j|d"]),
    ("<@a,@b:c@d>", ["-|@a,@b|c|d"]),
    // RFC 5322 appendix A.5 and A.6.
    (
      "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", ["Pete|-|pete|silly.test"]
    ),
    (
      "A Group(Some people)\r\n   :Chris Jones <c@(Chris's host.)public.example>,\r\n     joe@example.org,\r\n"
        + "  John <jdoe@one.test> (my dear friend); (the end of the group)",
      ["A Group:[Chris Jones|-|c|public.example, -|-|joe|example.org, John|-|jdoe|one.test]"]
    ),
    ("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", ["Hidden recipients:[]"]),
    ("Joe Q. Public <john.q.public@example.com>", ["Joe Q. Public|-|john.q.public|example.com"]),
    (
      "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
      [
        "Mary Smith|@node.test|mary|example.net", "-|-|jdoe|test.example",
      ]
    ),
    ("\"a b\"@c", ["-|-|a b|c"]),
    ("user", ["-|-|user|"]),
    ("John Smith john@example.com", ["John Smith|-|john|example.com"]),
    ("<>", []),
    ("", []),
    (",,,", []),
    ("a@b@c", ["-|-|a@b|c"]),
    ("<a@b", ["-|-|a|b"]),
    ("\"unclosed", ["-|-|unclosed|"]),
    ("(unclosed", []),
    ("a <b@c> d, e@f", ["a d|-|b|c", "-|-|e|f"]),
    ("x@[192.0.2. 1]", ["-|-|x|[192.0.2.1]"]),
    ("undisclosed-recipients:;", ["undisclosed-recipients:[]"]),
    ("g: a@b", ["g:[-|-|a|b]"]),
    // Nothing that another reader might take for an address is lost, however the field is broken.
    ("<a@b> <c@d>", ["-|-|a|b", "-|-|c|d"]),
    ("X <a@b> Y <c@d>", ["X Y|-|a|b", "-|-|c|d"]),
    ("<a@b>: c@d", ["-|-|a|b", "-|-|c|d"]),
    ("a@b: c@d;", ["-|-|a|b", "-|-|c|d"]),
    ("g: a@b: c@d;", ["g:[-|-|a|b, -|-|c|d]"]),
    ("a@b c@d", ["-|-|a|b", "-|-|c|d"]),
    ("Joe a@b c@d e@f", ["Joe|-|a|b", "-|-|c|d", "-|-|e|f"]),
    ("a@b <c@d>", ["a@b|-|c|d"]),
  ])
  func forms(_ text: String, _ expected: [String]) { #expect(shown(text) == expected) }

  @Test func displayNamesAreDecoded() {
    let list = AddressList("=?utf-8?Q?J=C3=BCrgen?= <j@d>".bytes)
    #expect(list.mailboxes.first?.displayName == "Jürgen")
    #expect(list.addresses == [EmailAddress("j@d")])
  }

  @Test func randomBytesNeverTrap() {
    var random = SplitMix(state: 7)
    let alphabet = Array("a@<>,;:\"()[]\\. \r\n\u{E9}=?".utf8) + [0, 255]
    for _ in 0..<5000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      let list = AddressList(bytes)
      #expect(list.mailboxes.count <= bytes.count)
    }
  }

  @Test func numbersAreBounded() {
    #expect(AddressList(Array(repeating: "a@b", count: 20_000).joined(separator: ",").bytes).mailboxes.count == 10_000)
  }
}
