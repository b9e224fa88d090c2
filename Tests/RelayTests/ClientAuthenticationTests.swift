import Testing

@testable import Relay

@Suite("Proving ourselves to a smart host")
struct ClientAuthenticationTests {
  func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  // RFC 7677 §3, the example.
  let nonce = "rOprNGfwEbeRWgbNEkqO"
  let serverFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

  @Test func scramOfRFC7677() throws {
    var client = ClientAuthentication(
      mechanism: .scramSHA256, user: "user", password: Array("pencil".utf8), nonce: nonce)
    #expect(text(try client.initialResponse()) == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    #expect(
      text(try client.respond(to: Array(serverFirst.utf8)))
        == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    #expect(try client.respond(to: Array(serverFinal.utf8)) == [])
    try client.accepted()
  }

  @Test func anImpostorIsFoundOut() throws {
    var client = ClientAuthentication(
      mechanism: .scramSHA256, user: "user", password: Array("pencil".utf8), nonce: nonce)
    _ = try client.initialResponse()
    _ = try client.respond(to: Array(serverFirst.utf8))
    #expect(throws: ClientAuthentication.Failure.self) {
      try client.respond(to: Array("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8))
    }
    // 235 without the proof.
    #expect(throws: ClientAuthentication.Failure.self) { try client.accepted() }
  }

  @Test(arguments: [
    "", "r=somebodyelse,s=W22Z,i=4096", "r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
    "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=99999999999999999999",
    "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=2000001", "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1", "\u{ff}\0,=,=,",
  ])
  func malformedOrGreedyChallenges(_ challenge: String) throws {
    var client = ClientAuthentication(
      mechanism: .scramSHA256, user: "user", password: Array("pencil".utf8), nonce: nonce)
    _ = try client.initialResponse()
    #expect(throws: ClientAuthentication.Failure.self) { try client.respond(to: Array(challenge.utf8)) }
  }

  @Test func plainAndLogin() throws {
    var plain = ClientAuthentication(mechanism: .plain, user: "tim", password: Array("tanstaaf".utf8), nonce: "n")
    #expect(text(try plain.initialResponse()) == "\0tim\0tanstaaf")
    try plain.accepted()
    #expect(throws: ClientAuthentication.Failure.self) { try plain.respond(to: []) }

    var login = ClientAuthentication(mechanism: .login, user: "tim", password: Array("tanstaaf".utf8), nonce: "n")
    #expect(try login.initialResponse() == nil)
    #expect(text(try login.respond(to: Array("Username:".utf8))) == "tim")
    #expect(text(try login.respond(to: Array("Password:".utf8))) == "tanstaaf")
    try login.accepted()
  }

  @Test func theStrongestOfferedMechanismIsTaken() {
    #expect(ClientAuthentication.best(of: ["LOGIN", "plain", "SCRAM-SHA-256"]) == .scramSHA256)
    #expect(ClientAuthentication.best(of: ["LOGIN", "plain"]) == .plain)
    #expect(ClientAuthentication.best(of: ["GSSAPI", "XOAUTH2"]) == nil)
  }

  @Test func separatorsInNames() throws {
    var client = ClientAuthentication(mechanism: .scramSHA256, user: "a=b,c", password: [1], nonce: "n")
    #expect(text(try client.initialResponse()) == "n,,n=a=3Db=2Cc,r=n")
    var nul = ClientAuthentication(mechanism: .plain, user: "a\0b", password: [1], nonce: "n")
    #expect(throws: ClientAuthentication.Failure.self) { try nul.initialResponse() }
  }
}
