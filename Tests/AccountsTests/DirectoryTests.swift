import Configuration
import Testing

@testable import Accounts

@Suite struct DirectoryTests {
  let directory: Directory

  init() throws {
    directory = Directory(
      try Configuration(
        text: """
          hostname = "mail.example.org"
          postmaster = "bob"
          [[domain]]
          name = "example.org"
          [[domain]]
          name = "example.net"
          catch-all = "alice"
          [[account]]
          name = "alice"
          addresses = ["alice@example.org", "Alice.Example@example.net"]
          [[account]]
          name = "bob"
          addresses = ["bob@example.org", "bob+own@example.org", "abuse@example.net"]
          [[alias]]
          address = "info@example.org"
          to = ["alice"]
          [[group]]
          address = "team@example.org"
          members = ["alice", "bob"]
          """))
  }

  func find(_ text: String) -> String {
    switch directory.find(Configuration.Address(text)!) {
    case .account(let account, let detail): account.name + (detail.map { " (\($0))" } ?? "")
    case .alias(let alias): "alias \(alias.address)"
    case .group(let group): "group \(group.address)"
    case .catchAll: "catch-all"
    case .unknown: "unknown"
    case .elsewhere: "elsewhere"
    }
  }

  @Test(arguments: [
    ("alice@example.org", "alice"), ("ALICE@EXAMPLE.ORG", "alice"), ("alice.example@example.net", "alice"),
    ("alice+lists@example.org", "alice (lists)"), ("alice+a+b@example.org", "alice (a+b)"),
    ("alice+@example.org", "alice ()"), ("bob+own@example.org", "bob"), ("bob+other@example.org", "bob (other)"),
    ("info@example.org", "alias info@example.org"), ("info+x@example.org", "alias info@example.org"),
    ("team@example.org", "group team@example.org"), ("nobody@example.org", "unknown"),
    ("+x@example.org", "unknown"), ("nobody@example.net", "catch-all"), ("postmaster@example.org", "bob"),
    ("Postmaster@example.net", "bob"), ("abuse@example.org", "bob"), ("abuse@example.net", "bob"),
    ("alice@example.com", "elsewhere"), ("alice@sub.example.org", "elsewhere"),
  ]) func recipients(address: String, expected: String) { #expect(find(address) == expected) }

  @Test func logins() {
    #expect(directory.account(login: "Alice")?.name == "alice")
    #expect(directory.account(login: "alice@example.org")?.name == "alice")
    #expect(directory.account(login: "alice+x@example.org") == nil)
    #expect(directory.account(login: "info@example.org") == nil)
    #expect(directory.account(login: "") == nil)
  }

  @Test(arguments: [
    ("alice", "alice@example.org", true), ("alice", "alice+x@example.org", true), ("alice", "info@example.org", true),
    ("alice", "team@example.org", false), ("alice", "bob@example.org", false), ("bob", "info@example.org", false),
    ("alice", "nobody@example.net", false), ("alice", "alice@example.com", false),
    ("bob", "postmaster@example.org", true),
    ("alice", "postmaster@example.org", false), ("nobody", "alice@example.org", false),
  ]) func senders(account: String, address: String, may: Bool) {
    #expect(directory.account(account, maySendAs: Configuration.Address(address)!) == may)
  }
}
