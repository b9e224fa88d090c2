#if canImport(Glibc)
  import Glibc
#endif

/// Bugs that are there on purpose, to prove that the fuzzer finds what is there to be found (`make fuzz-proof`).
///
/// A target states one: a condition that is true only deep inside the language that it reads, and of none of its seeds. With
/// `POSTROOM_PLANTED_BUGS` in the environment it is a violation; otherwise it is not even looked at.
enum Planted {
  @TaskLocal static var isActive = getenv("POSTROOM_PLANTED_BUGS") != nil

  struct Found: Error, CustomStringConvertible {
    var description: String { "the planted bug was found" }
  }

  static func bug(where condition: @autoclosure () -> Bool) throws {
    if isActive, condition() { throw Found() }
  }
}
