import Platform
import Store
import Testing

@testable import Accounts

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct StoredSecretsTests {
  @Test func secretsOutliveTheStore() async throws {
    var template = Array("/tmp/postroom-accounts-XXXXXX".utf8CString)
    let folder = String(cString: try #require(mkdtemp(&template)))
    defer { remove(folder) }
    var options = Store.Options()
    options.ballast = 0
    let now = Moment(seconds: 1_700_000_000)
    let verifier = try PasswordVerifier.derive(password: Array("pencil".utf8), salt: [1, 2, 3], iterations: 4096)

    let first = try Store.open(folder: folder, options: options)
    let secrets = StoredSecrets(first)
    #expect(try await secrets.verifier(account: "alice") == nil)
    try await secrets.setVerifier(verifier, account: "alice", at: now)
    try await secrets.recordLogin(account: "alice", address: "192.0.2.1", at: now)
    #expect(try await secrets.installationKey(fresh: [7]) == [7])
    await first.close()

    let second = try Store.open(folder: folder, options: options)
    let again = StoredSecrets(second)
    #expect(try await again.verifier(account: "alice") == verifier)
    #expect(try await again.loginAddresses(account: "alice") == ["192.0.2.1"])
    #expect(try await again.installationKey(fresh: [8]) == [7])
    try await again.setVerifier(nil, account: "alice", at: now)
    #expect(try await again.verifier(account: "alice") == nil)
    await second.close()
  }

  private func remove(_ folder: String) {
    guard let entries = opendir(folder) else { return }
    while let entry = readdir(entries) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      unlink("\(folder)/\(name)")
    }
    closedir(entries)
    rmdir(folder)
  }
}
