import Testing

@testable import Configuration

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct NamedFilesTests {
  @Test func missingAndOpenFilesAreToldWithTheirLines() throws {
    var template = Array("/tmp/postroom-files-XXXXXX".utf8CString)
    let folder = String(cString: try #require(mkdtemp(&template)))
    defer {
      for name in ["c", "k", "k2"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    for (name, mode) in [("c", 0o644), ("k", 0o600), ("k2", 0o644)] {
      close(open("\(folder)/\(name)", O_CREAT | O_WRONLY, mode_t(mode)))
      chmod("\(folder)/\(name)", mode_t(mode))
    }
    let configuration = try Configuration(
      text: file(
        """
        [tls]
        certificate = "\(folder)/c"
        key = "\(folder)/k"
        [[tls.name]]
        names = ["a.example"]
        certificate = "\(folder)/missing"
        key = "\(folder)/k2"
        [smart-host]
        host = "smtp.example.net"
        user = "u"
        password-file = "\(folder)"
        """))
    let problems = ConfigurationFile.problemsWithFiles(of: configuration)
    #expect(problems.map(\.line) == [14, 15, 19])
    #expect(problems.map(\.severity) == [.error, .warning, .error])
    #expect(problems[0].whatIsWrong.hasSuffix("missing does not exist"))
    #expect(problems[1].whatIsWrong.contains("by everybody"))
    #expect(problems[2].whatIsWrong.contains("is not a file"))
  }
}
