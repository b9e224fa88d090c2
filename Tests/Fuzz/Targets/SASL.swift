import Message
import Platform

@testable import Accounts
@testable import SMTP

/// What all exchanges are about: `user` and `pencil`, derived once.
private enum Secret {
  static let iterations = 4096
  static let salt = Array("0123456789abcdef".utf8)
  static let verifier = try? PasswordVerifier.derive(password: Array("pencil".utf8), salt: salt, iterations: iterations)
  static let salted = (try? pbkdf2SHA256(password: Array("pencil".utf8), salt: salt, iterations: iterations)) ?? []
}

extension FuzzTarget {
  /// The server's side of SASL. The first byte chooses the mechanism, each line is a response of the client.
  ///
  /// No fuzzer can compute a proof: a line that begins with `!` becomes SCRAM's right last message with the rest of the line
  /// among its extensions.
  static let sasl = FuzzTarget(
    "sasl",
    covers: [
      "Accounts/SASL/ScramServer.swift", "Accounts/SASL/PlainServer.swift", "Accounts/SASL/LoginServer.swift",
      "Accounts/SASLprep.swift",
    ],
    words: [
      "n,,n=", "y,,n=", "p=tls-unique,,n=", "n,a=", ",r=", "n,,n=user,r=abc\n", "c=biws,r=abcSERVER,p=", "=2C", "=3D",
      ",m=x", ",x=y", "!\n", "!,x=y\n",
      "\n", "\n\n", "\u{0}", "user", "pencil", "ß", "½", "ａ", "א", "\u{ad}", "\u{a0}",
    ],
    seeds: [
      "\u{0}n,,n=user,r=abc\n!\n\n", "\u{0}n,a=us=2Cer,n=us=2Cer,r=abc,z=y\n!,z=y\n\n",
      "\u{0}\ny,,n=user,r=abc\nc=biws,r=abcSERVER,p=AAAA\n",
      "\u{1}\u{0}user\u{0}pencil\n", "\u{1}\nuser\u{0}user\u{0}pencil", "\u{2}user\npencil\n", "\u{2}\nuser\npencil\n",
      "\u{4}ß a",
      "\u{0}p=x,,n=user,r=abc\n", "\u{0}n,,m=x,n=user,r=abc\n",
    ]
  ) { bytes in
    guard let choice = bytes.first else { return }
    let lines = bytes.dropFirst().split(separator: 10, maxSplits: 5, omittingEmptySubsequences: false).map { Array($0) }
    let mechanism = SASLMechanism.allCases[Int(choice & 3) % 3]
    try checkPreparation(Array(bytes.dropFirst()))
    var machine = mechanism.machine(nonce: Array("SERVER".utf8))
    var transcript = Transcript()
    var next: [UInt8]? = choice & 8 == 0 ? lines.first : nil
    var rest = choice & 8 == 0 ? lines.dropFirst() : lines[...]
    var hasProved = false
    while true {
      var response = next
      if let line = response, line.first == UInt8(ascii: "!"), mechanism == .scramSHA256,
        let right = transcript.final(line.dropFirst())
      {
        response = right
        hasProved = true
      }
      if let response { transcript.client(response) }
      var action = machine.receive(response)
      if case .lookUp(let user) = action {
        guard let verifier = Secret.verifier else { return }
        try require(!user.isEmpty && user.count <= 1024, "a name of \(user.count) octets is looked up")
        try Planted.bug(where: user.contains(UInt8(ascii: ",")) && response?.contains(UInt8(ascii: "x")) == true)
        action = machine.answer(.found(verifier, isReal: choice & 16 == 0))
      }
      if case .check(let credentials) = action {
        try require(
          !credentials.isTooLong && !credentials.user.isEmpty && !credentials.password.isEmpty,
          "such credentials are checked")
        hasProved = credentials.password == Array("pencil".utf8)
        action = machine.answer(.checked(hasProved))
      }
      switch action {
      case .challenge(let challenge): transcript.server(challenge)
      case .succeed:
        try require(
          hasProved && choice & 16 == 0 || mechanism != .scramSHA256 && hasProved, "somebody came in without a proof")
        try require(machine.receive([]) == .fail(.malformed), "an exchange goes on after its end")
        return
      case .fail:
        try require(machine.receive([]) == .fail(.malformed), "an exchange goes on after its end")
        return
      case .check, .lookUp: throw Violation(description: "an answer led to another question")
      }
      guard let line = rest.popFirst() else { return }
      next = line
    }
  }

  private static func checkPreparation(_ bytes: [UInt8]) throws {
    for isStored in [false, true] {
      guard let prepared = try? SASLprep.prepare(bytes, isStored: isStored) else { continue }
      try require(
        (try? SASLprep.prepare(prepared, isStored: isStored)) == prepared,
        "what is prepared changes when it is prepared again")
    }
  }

  /// The client's side of SCRAM: each line is a challenge of a server. Before that an exchange with our own server, in which
  /// the whole input is the user's name.
  static let scramClient = FuzzTarget(
    "scram-client", covers: ["SMTP/ClientAuthentication.swift"],
    words: [
      "r=abc", "r=abcd,s=", "YWJj", ",i=", "4096", "1000001", "99999999999999999999", ",m=x", ",x=y", "v=",
      "e=other-error", "\n", "r=abcd,s=YWJj,i=4096\n",
      ",", "=",
    ],
    seeds: [
      "\u{0}r=abcd,s=YWJj,i=4096\nv=YWJj\n", "\u{0}r=abcd,s=YWJj,i=1000001\n", "\u{1}\nx\n",
      "\u{2}Username:\nPassword:\nx\n", "\u{0}m=x,r=abcd,s=YWJj,i=1\n",
    ]
  ) { bytes in
    guard let choice = bytes.first else { return }
    let user = text(bytes)
    if user.utf8.count < 300 { try checkOwnServer(user) }
    let mechanisms = [["SCRAM-SHA-256"], ["PLAIN"], ["LOGIN"], ["LOGIN", "PLAIN"]]
    let credentials = SMTP.Credentials(user: "user", password: "pencil")
    guard
      var client = ClientAuthentication(
        offered: mechanisms[Int(choice & 3)], credentials: credentials, nonce: Array("abc".utf8))
    else {
      throw Violation(description: "no mechanism")
    }
    var hasFailed = false
    for line in bytes.dropFirst().split(separator: 10, maxSplits: 6, omittingEmptySubsequences: false) where !hasFailed
    {
      var step = client.receive(Array(line))
      if case .derive(let derivation) = step {
        try require(
          (1...1_000_000).contains(derivation.iterations) && !derivation.salt.isEmpty, "such a key is derived")
        try Planted.bug(where: derivation.iterations == 65_536)
        step = client.derived([UInt8](repeating: 1, count: 32))
      }
      if case .fail = step { hasFailed = true }
    }
    if client.mechanism == "SCRAM-SHA-256" {
      try require(!client.isComplete || hasFailed, "a server without the password was believed")
    }
  }

  private static func checkOwnServer(_ user: String) throws {
    guard let verifier = Secret.verifier,
      var client = ClientAuthentication(
        offered: ["SCRAM-SHA-256"], credentials: SMTP.Credentials(user: user, password: "pencil"),
        nonce: Array("abc".utf8))
    else { return }
    var server = ScramServer(nonce: Array("SERVER".utf8))
    guard case .lookUp(let asked) = server.receive(client.initialResponse) else {
      throw Violation(description: "our server does not understand our client's name \(user)")
    }
    try require(asked == Array(user.utf8), "our server reads another name than our client wrote")
    guard case .challenge(let first) = server.answer(.found(verifier, isReal: true)),
      case .derive = client.receive(first),
      case .respond(let final) = client.derived(Secret.salted), case .challenge(let last) = server.receive(final),
      client.receive(last) == .respond([]), server.receive([]) == .succeed, client.isComplete
    else { throw Violation(description: "our client and our server do not come to terms") }
  }
}

/// What was said in a SCRAM exchange, so that the right proof can be put together (RFC 5802 §3).
private struct Transcript {
  private var clientFirst: [UInt8] = []
  private var serverFirst: [UInt8] = []

  mutating func client(_ message: [UInt8]) {
    if clientFirst.isEmpty { clientFirst = message }
  }

  mutating func server(_ message: [UInt8]) {
    if serverFirst.isEmpty, !message.isEmpty { serverFirst = message }
  }

  func final(_ extensions: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = clientFirst.split(separator: UInt8(ascii: ","), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, !serverFirst.isEmpty,
      let nonce = serverFirst.dropFirst(2).split(separator: UInt8(ascii: ",")).first
    else {
      return nil
    }
    let header = clientFirst.dropLast(parts[2].count)
    let withoutProof = Array("c=".utf8) + Base64.encode(header) + Array(",r=".utf8) + nonce + extensions
    let comma = [UInt8(ascii: ",")]
    let auth = Array(parts[2]) + comma + serverFirst + comma + withoutProof
    let clientKey = hmacSHA256(key: Secret.salted, Array("Client Key".utf8))
    let signature = hmacSHA256(key: SHA256.hash(clientKey), auth)
    return withoutProof + Array(",p=".utf8) + Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
  }
}
