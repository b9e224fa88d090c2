import Platform
import Testing

@testable import Store

@Suite struct TransportSecurityTests {
  @Test func aPolicyIsKeptAndReplaced() async throws {
    try await withStore { store, _ in
      let policy = StoredSTSPolicy(
        domain: "example.net", id: "1", document: Array("version: STSv1".utf8), fetched: noon,
        expires: noon + .seconds(600))
      #expect(try await store.read { try $0.stsPolicy(domain: "example.net") } == nil)
      try await store.write { try $0.setSTSPolicy(policy) }
      #expect(try await store.read { try $0.stsPolicy(domain: "example.net") } == policy)
      var later = policy
      (later.id, later.fetched) = ("2", noon + .seconds(60))
      let replacement = later
      try await store.write { try $0.setSTSPolicy(replacement) }
      #expect(try await store.read { try $0.stsPolicy(domain: "example.net") } == later)
      func stale(_ before: Moment, _ at: Moment) async throws -> [String] {
        try await store.read { try $0.stsDomains(fetchedBefore: before, validAt: at) }
      }
      #expect(try await stale(noon + .seconds(60), noon) == [])
      #expect(try await stale(noon + .seconds(61), noon) == ["example.net"])
      #expect(try await stale(noon + .seconds(61), noon + .seconds(600)) == [])
    }
  }

  @Test func sessionsAreCountedByDayAndDomain() async throws {
    try await withStore { store, _ in
      let day = TLSSessionCount.day(of: noon)
      let success = TLSSessionCount(day: day, domain: "a.example", policyType: "tlsa", policy: "3 1 1 00")
      var failure = success
      (failure.result, failure.host, failure.reason) = ("certificate-expired", "mx.a.example", "it is old")
      let failed = failure
      store.countLazily(success)
      store.countLazily(success)
      try await store.write { transaction in
        try transaction.count(failed)
        try transaction.count(TLSSessionCount(day: day + 1, domain: "b.example", policyType: "no-policy-found"))
      }
      let all = try await store.read { try $0.tlsSessions(days: day...(day + 1), domain: nil) }
      #expect(all.map(\.domain) == ["a.example", "a.example", "b.example"])
      #expect(all.map(\.sessions) == [2, 1, 1])
      #expect(all[1] == failure)
      #expect(try await store.read { try $0.tlsSessions(days: day...day, domain: "b.example") } == [])
    }
  }

  /// A server that shows another face each time must not fill the disk.
  @Test func rowsOfADayAreBounded() async throws {
    try await withStore { store, _ in
      let day = TLSSessionCount.day(of: noon)
      try await store.write { transaction in
        for number in 0..<500 {
          try transaction.count(
            TLSSessionCount(
              day: day, domain: "a.example", policyType: "sts", policy: "mx: mx\(number / 2).a.example",
              result: "validation-failure", helo: "\(number)"))
        }
      }
      let all = try await store.read { try $0.tlsSessions(days: day...day, domain: "a.example") }
      #expect(all.count == Transaction.sessionRows + 1)
      #expect(all.map(\.sessions).reduce(0, +) == 500)
    }
  }

  @Test func whatIsOldGoes() async throws {
    try await withStore { store, _ in
      let day = TLSSessionCount.day(of: noon)
      try await store.write { transaction in
        try transaction.count(TLSSessionCount(day: day, domain: "a.example", policyType: "sts"))
        try transaction.setSTSPolicy(
          StoredSTSPolicy(domain: "a.example", id: "1", document: [65], fetched: noon, expires: noon + .seconds(60)))
      }
      _ = try await store.retire(before: noon)
      #expect(try await store.read { try $0.tlsSessions(days: day...day, domain: nil) }.count == 1)
      _ = try await store.retire(before: noon + .seconds(2 * 86_400))
      #expect(try await store.read { try $0.tlsSessions(days: day...day, domain: nil) } == [])
      #expect(try await store.read { try $0.stsPolicy(domain: "a.example") } == nil)
    }
  }

  @Test func daysBegin1970() {
    #expect(TLSSessionCount.day(of: Moment(seconds: 86_399)) == 0)
    #expect(TLSSessionCount.day(of: Moment(seconds: 86_400)) == 1)
    #expect(TLSSessionCount.day(of: Moment(seconds: -1)) == -1)
  }
}
