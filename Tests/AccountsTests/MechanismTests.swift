import Message
import Platform
import Testing

@testable import Accounts

@Suite struct MechanismTests {
  func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  // MARK: PLAIN

  @Test func plainWithAnInitialResponse() {
    var machine = PlainServer()
    #expect(
      machine.receive(bytes("\0tim\0tanstaaftanstaaf"))
        == .check(Credentials(user: bytes("tim"), password: bytes("tanstaaftanstaaf"))))
    #expect(machine.answer(.checked(true)) == .succeed)
    #expect(machine.receive([]) == .fail(.malformed))
  }

  @Test func plainWithoutAnInitialResponse() {
    var machine = PlainServer()
    #expect(machine.receive(nil) == .challenge([]))
    #expect(
      machine.receive(bytes("Ursel\0Kurt\0xipj3plmq"))
        == .check(Credentials(authorization: bytes("Ursel"), user: bytes("Kurt"), password: bytes("xipj3plmq"))))
    #expect(machine.answer(.checked(false)) == .fail(.credentials))
  }

  @Test(arguments: [
    "", "\0", "\0\0", "\0a\0", "\0\0b", "a\0b", "a\0b\0c\0", "a\0b\0c\0d",
    "\0a\0" + String(repeating: "x", count: 1025),
  ])
  func plainIsMalformed(_ message: String) {
    var machine = PlainServer()
    #expect(machine.receive(bytes(message)) == .fail(.malformed))
  }

  @Test func plainTakesNamesOf255Bytes() {
    var machine = PlainServer()
    let long = String(repeating: "x", count: 255)
    guard case .check = machine.receive(bytes("\(long)\0\(long)\0\(long)")) else {
      Issue.record("RFC 4616 §2: 255 octets must be accepted")
      return
    }
  }

  // MARK: LOGIN

  @Test func loginAsksForBoth() {
    var machine = LoginServer()
    #expect(machine.receive(nil) == .challenge(bytes("Username:")))
    #expect(machine.receive(bytes("tim")) == .challenge(bytes("Password:")))
    #expect(machine.receive(bytes("secret")) == .check(Credentials(user: bytes("tim"), password: bytes("secret"))))
    #expect(machine.answer(.checked(true)) == .succeed)
  }

  @Test func loginTakesTheNameAsInitialResponse() {
    var machine = LoginServer()
    #expect(machine.receive(bytes("tim")) == .challenge(bytes("Password:")))
    #expect(machine.receive([]) == .fail(.malformed))
  }

  // MARK: SCRAM

  static let salt = Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)!

  func verifier(_ password: String) throws -> PasswordVerifier {
    try .derive(password: bytes(password), salt: Self.salt, iterations: 4096)
  }

  func scram() -> ScramServer { ScramServer(nonce: bytes("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")) }

  @Test func theExchangeOfRFC7677() throws {
    var machine = scram()
    #expect(machine.receive(bytes("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")) == .lookUp(user: bytes("user")))
    #expect(
      machine.answer(.found(try verifier("pencil"), isReal: true))
        == .challenge(
          bytes("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")))
    #expect(
      machine.receive(
        bytes(
          "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
        == .challenge(bytes("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")))
    #expect(machine.receive([]) == .succeed)
    #expect(machine.receive([]) == .fail(.malformed))
  }

  /// Runs an exchange of a client, which may tamper with its final message.
  func run(
    _ client: ScramClient, stored: String = "pencil", isReal: Bool = true, more: String = "",
    tamper: ([UInt8]) -> [UInt8] = { $0 }
  ) throws -> SASLAction {
    var machine = scram()
    #expect(machine.receive(nil) == .challenge([]))
    let action = machine.receive(client.first)
    guard case .lookUp = action else { return action }
    guard case .challenge(let challenge) = machine.answer(.found(try verifier(stored), isReal: isReal)) else {
      return .fail(.busy)
    }
    let final = try client.final(challenge, more: more)
    let end = machine.receive(tamper(final.message))
    guard case .challenge(let signature) = end else { return end }
    #expect(signature == final.signature)
    return machine.receive([])
  }

  @Test func scramNeedsTheRightPassword() throws {
    #expect(try run(ScramClient(user: "user", password: "pencil")) == .succeed)
    #expect(try run(ScramClient(user: "user", password: "pencik")) == .fail(.credentials))
    #expect(try run(ScramClient(user: "user", password: "pencil"), isReal: false) == .fail(.credentials))
  }

  @Test func scramTakesWhatOtherClientsSend() throws {
    #expect(try run(ScramClient(user: "user", password: "pencil", header: "y,,")) == .succeed)
    #expect(try run(ScramClient(user: "user", password: "pencil", header: "n,a=user,")) == .succeed)
    #expect(try run(ScramClient(user: "user", password: "pencil"), more: ",x=1,z=a=b") == .succeed)
    #expect(try run(ScramClient(user: "a=2Cb=3Dc", password: "pencil")) == .succeed)
  }

  @Test func scramUnescapesNames() {
    var machine = scram()
    #expect(machine.receive(bytes("n,,n=a=2Cb=3Dc,r=x")) == .lookUp(user: bytes("a,b=c")))
  }

  @Test(arguments: [
    "", "n", "n,", "n,,", "n,,n=user", "n,,n=,r=x", "n,,n=user,r=", "n,,r=x,n=user", "n,,n=us=er,r=x",
    "n,,n=user=2,r=x",
    "p=tls-unique,,n=user,r=x", "x,,n=user,r=x", "n,b=other,n=user,r=x", "n,,m=1,n=user,r=x", "n,,n=user,r=x,m=1",
    "n,,n=user,r=x y", "n,,n=user,r=x,", "n,,n=user,r=x,y", "N,,n=user,r=x",
  ]) func scramRefusesBrokenFirstMessages(_ message: String) {
    var machine = scram()
    #expect(machine.receive(bytes(message)) == .fail(.malformed))
  }

  @Test func scramLetsNobodyActAsAnother() throws {
    #expect(try run(ScramClient(user: "user", password: "pencil", header: "n,a=root,")) == .fail(.credentials))
  }

  @Test(arguments: [
    ("r=rOpr", "r=xOpr"), ("c=biws", "c=eSws"), ("c=biws", "c=biw"), (",p=", ",q="), ("c=biws", "m=1,c=biws"),
    ("c=biws,", "c=biws,m=1,"),
  ]) func scramRefusesBrokenFinalMessages(_ change: (String, String)) throws {
    let result = try run(ScramClient(user: "user", password: "pencil")) { message in
      Array(String(decoding: message, as: UTF8.self).replacing(change.0, with: change.1).utf8)
    }
    #expect(result == .fail(.malformed))
  }

  @Test func scramRefusesAnEndlessMessage() {
    var machine = scram()
    #expect(machine.receive(bytes("n,,n=user,r=" + String(repeating: "x", count: 5000))) == .fail(.malformed))
  }

  // MARK: Any bytes

  @Test(arguments: SASLMechanism.allCases) func anythingComesToAnEnd(_ mechanism: SASLMechanism) throws {
    var generator = Repeatable(seed: 5)
    let seeds = ["n,,n=user,r=x", "c=biws,r=xN,p=AAAA", "\0a\0b", "", ",,,,", "=2C=", "tim"].map(bytes)
    let verifier = try verifier("pencil")
    for _ in 0..<2000 {
      var machine = mechanism.machine(nonce: bytes("N"))
      var steps = 0
      loop: while steps < 8 {
        steps += 1
        var message = seeds.randomElement(using: &generator)!
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !message.isEmpty {
          message[Int.random(in: 0..<message.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        var action = machine.receive(Bool.random(using: &generator) && steps == 1 ? nil : message)
        if case .check = action { action = machine.answer(.checked(false)) }
        if case .lookUp = action { action = machine.answer(.found(verifier, isReal: false)) }
        switch action {
        case .fail: break loop
        case .succeed:
          Issue.record("nobody was right")
          break loop
        default: continue
        }
      }
      #expect(steps < 8)
    }
  }
}
