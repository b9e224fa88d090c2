import Foundation
import Message
import Platform
import Resolver
import Testing

@testable import MailAuthentication

/// What other implementations make of our signatures: python3-dkim, where it is installed.
@Suite struct SecondOpinionTests {
  private static let python = "/usr/bin/python3"
  private static let hasDKIM = FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/dkim/__init__.py")

  private func run(_ program: String, _ input: [UInt8]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: Self.python)
    process.arguments = ["-c", program]
    let (standardInput, output) = (Pipe(), Pipe())
    process.standardInput = standardInput
    process.standardOutput = output
    try process.run()
    try standardInput.fileHandleForWriting.write(contentsOf: Data(input))
    try standardInput.fileHandleForWriting.close()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    return text
  }

  @Test(.enabled(if: hasDKIM)) func ofOurSignaturesAndSeals() throws {
    let message = mail(DKIMTests.dinner)
    let header = HeaderSection(message)
    let hash = RelaxedBodyHash()
    hash.append(message[header.bytes.count...])
    let signed =
      try DKIMSigner.signatures(
        of: header, bodyHash: hash.finish(),
        by: [
          SigningIdentity(domain: "football.example.com", selector: "r", key: DKIMTests.rsa),
          SigningIdentity(domain: "football.example.com", selector: "e", key: DKIMTests.ed),
        ], at: Moment(seconds: 1_528_637_909)) + message
    let sealed =
      try ARCSealer.seal(
        HeaderSection(signed), bodyHash: hash.finish(),
        results: AuthenticationResults(authority: "mx.example.org", entries: [.init("dmarc", "pass")]),
        chain: ARCOutcome(result: .none), by: SigningIdentity(domain: "example.org", selector: "r", key: DKIMTests.rsa),
        at: Moment(seconds: 1_528_637_909)) ?? []
    let program = """
      import dkim, sys
      rsa, ed = b'\(DKIMTests.rsa.recordText)', b'\(DKIMTests.ed.recordText)'
      def dns(name, timeout=5):
          return ed if name.startswith(b'e.') else rsa
      message = sys.stdin.buffer.read()
      verifier = dkim.DKIM(message)
      print(verifier.verify(0, dnsfunc=dns), verifier.verify(1, dnsfunc=dns), dkim.arc_verify(message, dnsfunc=dns)[0])
      """
    #expect(try run(program, sealed + signed) == "True True b'pass'\n")
  }
}
