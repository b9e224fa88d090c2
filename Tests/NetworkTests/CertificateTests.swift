import Platform
import Testing

@testable import Network

@Suite struct CertificateTests {
  static let now = Moment(seconds: 1_800_000_000)

  @Test func aSelfMadeCertificateSaysWhatItIsFor() throws {
    let made = try SelfMadeCertificate(
      names: ["Mail.Example", "*.example.org", "192.0.2.1", "2001:db8::1"], now: Self.now, validFor: .seconds(86_400))
    let facts = try made.certificate().facts
    #expect(facts.names == ["mail.example", "*.example.org", "192.0.2.1", "2001:db8::1"])
    #expect(facts.notBefore == Moment(seconds: 1_800_000_000 - 3600))
    #expect(facts.notAfter == Moment(seconds: 1_800_000_000 - 3600 + 86_400))
    #expect(facts.isSelfSigned && facts.subject == facts.issuer)
    #expect(facts.fingerprint.count == 64)
    for (host, covered) in [
      ("mail.example", true), ("MAIL.example", true), ("a.example.org", true), ("a.b.example.org", false),
      ("example.org", false), ("192.0.2.1", true), ("192.0.2.2", false),
    ] {
      #expect(facts.covers(host) == covered, "\(host)")
    }
  }

  @Test func filesAreCheckedTogether() throws {
    let folder = try TemporaryFolder()
    let one = try SelfMadeCertificate(names: ["one.example"], now: Self.now)
    let two = try SelfMadeCertificate(names: ["two.example"], now: Self.now)
    let certificate = try folder.write("one.pem", one.certificatePEM)
    let key = try folder.write("one.key", one.keyPEM)
    let both = try folder.write("both.pem", one.keyPEM + one.certificatePEM + two.certificatePEM)
    let other = try folder.write("two.key", two.keyPEM)
    let empty = try folder.write("empty", [])
    let broken = try folder.write("broken.pem", Array(one.certificatePEM.prefix(200)))
    #expect(try CertificateFile(certificate: certificate, key: key).inspect().names == ["one.example"])
    #expect(try CertificateFile(certificate: both, key: both).inspect().names == ["one.example"])
    for (certificate, key, words) in [
      (certificate, other, "do not belong together"), (empty, key, "holds no certificate"),
      (broken, key, "cannot be read"), (certificate, empty, "the key of"),
      ("\(folder.path)/missing", key, "cannot be opened"),
    ] {
      let error = #expect(throws: TLSError.self) { try CertificateFile(certificate: certificate, key: key).load() }
      #expect(error?.description.contains(words) == true, "\(words): \(error?.description ?? "")")
    }
  }

  @Test func nobodyIsAskedForAPassphrase() throws {
    let folder = try TemporaryFolder()
    let made = try SelfMadeCertificate(names: ["one.example"], now: Self.now)
    let locked = Array(
      """
      -----BEGIN ENCRYPTED PRIVATE KEY-----
      MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAgU5nqDcVmfvAICCAAw
      DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIAAAAAAAAAAAEgZAAAAAAAAAAAAAA
      -----END ENCRYPTED PRIVATE KEY-----
      """.utf8)
    let certificate = try folder.write("one.pem", made.certificatePEM)
    let key = try folder.write("locked.key", locked)
    #expect(throws: TLSError.self) { try CertificateFile(certificate: certificate, key: key).load() }
  }
}
