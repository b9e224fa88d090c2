import Dispatch

#if canImport(Glibc)
  import Glibc
#endif

/// libFuzzer's own `main`, as a function: `-sanitize=fuzzer` brings it.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ argc: UnsafeMutablePointer<CInt>,
  _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The program that `make fuzz` builds: `Fuzz NAME [libFuzzer's options and folders]`.
///
///     Fuzz --list            the names of all targets
///     Fuzz --covers NAME     the files that a target stands for
///     Fuzz --words NAME      its dictionary, as libFuzzer reads it with -dict
///     Fuzz --seeds NAME DIR  writes its seeds into a folder
///     Fuzz --unpack FILE DIR writes the cases of a text file (see ``CaseFile``) into a folder, a file each
///     Fuzz --pack FILE…      prints files as such a text
@main enum Program {
  /// libFuzzer starts itself again for -merge and -fork, without our first argument: the name goes through here.
  private static let variable = "POSTROOM_FUZZ_TARGET"

  static let target: FuzzTarget? = getenv(variable).flatMap { FuzzTarget.named(String(cString: $0)) }

  static func main() {
    let words = CommandLine.arguments.dropFirst()
    switch words.first {
    case "--list": for target in FuzzTarget.all { print(target.name) }
    case "--covers": for file in wanted(words).covers { print(file) }
    case "--words": for word in wanted(words).words { print(quoted(word)) }
    case "--seeds": save(wanted(words).seeds.map { Array($0.utf8) }, "seed", into: words.last ?? ".")
    case "--unpack": save(CaseFile.read(words.dropFirst().first ?? ""), "case", into: words.last ?? ".")
    case "--pack":
      for line in words.dropFirst().map({ CaseFile.escaped(CaseFile.bytes(of: $0)) }).sorted() { print(line) }
    default: fuzz()
    }
  }

  private static func wanted(_ words: ArraySlice<String>) -> FuzzTarget {
    guard let name = words.dropFirst().first, let target = FuzzTarget.named(name) else {
      fail("no target of that name")
    }
    return target
  }

  private static func fuzz() {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    if CommandLine.argc > 1, FuzzTarget.named(CommandLine.arguments[1]) != nil {
      setenv(variable, CommandLine.arguments[1], 1)
      // The name makes way for the program's own.
      CommandLine.unsafeArgv[1] = CommandLine.unsafeArgv[0]
      count -= 1
      arguments = CommandLine.unsafeArgv + 1
    }
    guard target != nil else { fail("the first argument must be a target's name; --list has them all") }
    exit(
      runFuzzer(&count, &arguments) { bytes, size in
        Program.feed(Array(UnsafeBufferPointer(start: bytes, count: size)))
        return 0
      })
  }

  private static func feed(_ bytes: [UInt8]) {
    switch target?.body {
    case .plain(let body):
      do { try body(bytes) } catch { fatalError("\(error)") }
    case .waiting(let body):
      let done = DispatchSemaphore(value: 0)
      Task {
        do { try await body(bytes) } catch { fatalError("\(error)") }
        done.signal()
      }
      done.wait()
    case nil: break
    }
  }

  /// A line of a dictionary: printable ASCII, everything else as `\xHH`.
  private static func quoted(_ word: String) -> String {
    let inner = word.utf8.map { byte -> String in
      let isPlain = (32...126).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
      let digits = String(byte, radix: 16)
      return isPlain ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + digits
    }
    return "\"\(inner.joined())\""
  }

  private static func save(_ cases: [[UInt8]], _ name: String, into folder: String) {
    for (number, bytes) in cases.enumerated() {
      guard let file = fopen("\(folder)/\(name)-\(number)", "w") else { fail("\(folder) cannot be written to") }
      _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
      fclose(file)
    }
  }

  private static func fail(_ sentence: String) -> Never {
    let line = Array("Fuzz: \(sentence)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(2)
  }
}
