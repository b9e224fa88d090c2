import Testing

@testable import Platform

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct MachineTests {
  @Test(arguments: [
    ("mail.example.org", "", "mail.example.org"),
    ("Mail", "127.0.0.1 localhost\n127.0.1.1\tmail.example.org mail\n", "mail.example.org"),
    ("mail", "127.0.1.1 mail mail.example.org # the other way round\n", "mail.example.org"),
    ("mail", "127.0.0.1 localhost.localdomain localhost mail\n", "mail.localdomain"),
    ("mail", "# 127.0.1.1 mail.example.org mail\n", "mail.localdomain"), ("", "", "localhost.localdomain"),
  ])
  func findsTheFullName(_ name: String, _ hosts: String, _ expected: String) {
    #expect(Machine.fullName(of: name, hosts: hosts) == expected)
  }

  @Test func thisMachineHasANameWithADot() { #expect(Machine.fullName().contains(".")) }

  @Test func knowsTheUsers() {
    #expect(Machine.userName(0) == "root")
    #expect(Machine.userName(4_000_000_123) == nil)
    #expect(Machine.hasUser("root") && !Machine.hasUser("no-such-user-here"))
  }
}
