import NIOCore
import Platform
import Testing

@testable import Network

/// DANE by real handshakes of OpenSSL's, without a socket.
@Suite struct DANETests {
  static let trust = Result { try ClientTrust() }

  /// Shakes hands and gives what the client knows then, or what it threw.
  func session(
    _ certificate: Certificate, _ associations: [TLSARecord], host: String = "mx.example.net",
    names: [String] = []
  ) throws -> TLSSession {
    let server = try TLSEngine(server: ServerContextSet([TLSIdentity(certificate)]))
    let client = try TLSEngine(
      client: ClientTLS(
        serverName: host, verification: .dane(associations, names: names), trust: try Self.trust.get()))
    for _ in 0..<20 where !client.isFinished || !server.isFinished {
      _ = try client.handshake()
      if let output = client.takeOutput() { server.receive(output) }
      _ = try server.handshake()
      if let output = server.takeOutput() { client.receive(output) }
    }
    try #require(client.isFinished && server.isFinished)
    return client.session
  }

  func fault(
    _ certificate: Certificate, _ associations: [TLSARecord], host: String = "mx.example.net",
    names: [String] = []
  ) -> CertificateFault? {
    let error = #expect(throws: TLSError.self) {
      _ = try session(certificate, associations, host: host, names: names)
    }
    return error?.fault
  }

  static func endEntity(_ certificate: Certificate) -> TLSARecord {
    TLSARecord(usage: 3, selector: 1, matchingType: 1, data: certificate.facts.keyDigest)
  }

  static let anchor = TLSARecord(usage: 2, selector: 1, matchingType: 1, data: TestAuthority.keyDigest)

  @Test func theKeysDigestIsWhatOpensslSays() throws {
    #expect(try TestAuthority.certificate().facts.keyDigest == TestAuthority.leafKeyDigest)
  }

  @Test func anEndEntityIsKnownByItsKey() throws {
    let certificate = try certificate("mx.example.net")
    let session = try session(certificate, [Self.endEntity(certificate)])
    #expect(session.verification == .associated(usage: 3))
    #expect(session.isVerified && session.fault == nil && session.serverName == "mx.example.net")
  }

  /// RFC 7672 §3.1.1: neither names nor dates count.
  @Test func anEndEntityMayBeExpiredAndForAnotherName() throws {
    let old = try SelfMadeCertificate(
      names: ["elsewhere.example"], now: Moment(seconds: 1_000_000_000), validFor: .seconds(86_400)
    ).certificate()
    #expect(try session(old, [Self.endEntity(old)]).verification == .associated(usage: 3))
  }

  @Test func anotherKeyIsRefused() throws {
    let (mine, other) = (try certificate("mx.example.net"), try certificate("mx.example.net"))
    #expect(fault(mine, [Self.endEntity(other)]) == .notAssociated)
    // One of several is enough: the new key is published before it is used.
    #expect(try session(mine, [Self.endEntity(other), Self.endEntity(mine)]).isVerified)
  }

  @Test func anAuthorityOfTheServersOwnIsEnough() throws {
    let certificate = try TestAuthority.certificate()
    #expect(try session(certificate, [Self.anchor]).verification == .associated(usage: 2))
    for (type, data) in [(UInt8(1), TestAuthority.digest), (2, TestAuthority.longDigest)] {
      let whole = TLSARecord(usage: 2, selector: 0, matchingType: type, data: data)
      #expect(try session(certificate, [whole]).verification == .associated(usage: 2))
    }
  }

  /// RFC 7672 §3.2.2: the server must send the authority's certificate, the record has only a digest of it.
  @Test func anAuthorityThatIsNotSentProvesNothing() throws {
    #expect(fault(try TestAuthority.certificate(withAuthority: false), [Self.anchor]) != nil)
  }

  /// RFC 7672 §3.2.3: names count below an authority, and the domain of the mail is one of them.
  @Test func belowAnAuthorityTheNameMustFit() throws {
    let certificate = try TestAuthority.certificate()
    #expect(fault(certificate, [Self.anchor], host: "mx.other.example") == .nameMismatch)
    let session = try session(certificate, [Self.anchor], host: "mx.other.example", names: ["example.net"])
    #expect(session.verification == .associated(usage: 2))
  }

  @Test func whatCannotBeUsedIsSetAside() throws {
    let trust = try Self.trust.get()
    let good = Self.anchor
    func variant(_ change: (inout TLSARecord) -> Void) -> TLSARecord {
      var copy = good
      change(&copy)
      return copy
    }
    let useless = [
      variant { $0.usage = 0 }, variant { $0.usage = 1 }, variant { $0.usage = 4 }, variant { $0.usage = 255 },
      variant { $0.selector = 2 }, variant { $0.matchingType = 3 }, variant { $0.matchingType = 0 },
      variant { $0.matchingType = 2 }, variant { $0.data = [] }, variant { $0.data.removeLast() },
      variant { ($0.usage, $0.selector, $0.matchingType, $0.data) = (3, 0, 0, [0x30, 0x82, 0xff, 0xff]) },
    ]
    for association in useless { #expect(trust.usable([association]).isEmpty, "\(association)") }
    #expect(trust.usable(useless + [good]) == [good])
    // RFC 7672 §2.2: with nothing but such records the session is encrypted, and whoever answers is believed.
    let session = try session(try certificate("elsewhere.example"), useless)
    #expect(!session.isVerified && session.fault != nil)
  }

  @Test func anyBytesAreUsableOrNot() throws {
    let trust = try Self.trust.get()
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let data = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random)
      }
      let association = TLSARecord(
        usage: UInt8.random(in: 0...4, using: &random), selector: UInt8.random(in: 0...2, using: &random),
        matchingType: UInt8.random(in: 0...3, using: &random), data: data)
      _ = trust.usable([association])
    }
  }

  @Test func anAddressHasNoTLSARecords() throws {
    #expect(throws: TLSError.self) {
      _ = try TLSEngine(
        client: ClientTLS(
          serverName: "192.0.2.1", verification: .dane([Self.anchor], names: []), trust: try Self.trust.get()))
    }
  }

  @Test func withoutDANEFaultsAreToldApart() throws {
    func fault(_ certificate: Certificate, _ verification: ClientTLS.Verification) -> CertificateFault? {
      var found: CertificateFault?
      do {
        let server = try TLSEngine(server: ServerContextSet([TLSIdentity(certificate)]))
        let client = try TLSEngine(
          client: ClientTLS(serverName: "mx.example.net", verification: verification, trust: try Self.trust.get()))
        for _ in 0..<20 where !client.isFinished {
          _ = try client.handshake()
          if let output = client.takeOutput() { server.receive(output) }
          _ = try server.handshake()
          if let output = server.takeOutput() { client.receive(output) }
        }
        found = client.session.fault
      } catch let error as TLSError {
        found = error.fault
      } catch {
        Issue.record(error)
      }
      return found
    }
    let selfMade = try certificate("mx.example.net")
    #expect(fault(selfMade, .required) == .untrusted)
    #expect(fault(selfMade, .none) == .untrusted)
  }
}
