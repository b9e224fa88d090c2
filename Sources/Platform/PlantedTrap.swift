#if DEBUG
  internal import Glibc
#endif

/// A defect planted in a debug build, so that tests can see what the house does about input that ends the process.
///
/// The environment variable `POSTROOM_TRAP=STAGE` makes the work of that stage trap, as Swift does at an index out of range,
/// when it meets the word `planted-trap` in a stranger's bytes. `POSTROOM_CRASH_PAUSE` is how many seconds a suspect is put
/// off, instead of an hour. Release builds have none of this.
public enum PlantedTrap: String, CaseIterable, Sendable {
  case command, scan, submission, filter, plan, relay, fetch, search

  /// How long a suspect is put off after a crash.
  public static let pause: Duration = {
    #if DEBUG
      if let text = getenv("POSTROOM_CRASH_PAUSE"), let seconds = Int(String(cString: text)) {
        return .seconds(seconds)
      }
    #endif
    return .seconds(3600)
  }()
}

#if DEBUG
  /// Traps if the environment says so and the word is among these bytes.
  public func plantedTrap(_ stage: PlantedTrap, in bytes: @autoclosure () -> [UInt8]) {
    guard Planted.stage == stage else { return }
    let bytes = bytes()
    let isThere = bytes.indices.contains { bytes[$0...].starts(with: Planted.word) }
    if isThere { _ = bytes[bytes.count + Planted.word.count] }
  }

  private enum Planted {
    static let word = Array("planted-trap".utf8)
    static let stage: PlantedTrap? = {
      guard let text = getenv("POSTROOM_TRAP") else { return nil }
      guard let stage = PlantedTrap(rawValue: String(cString: text)) else {
        fatalError("POSTROOM_TRAP=\(String(cString: text)): there is no such stage")
      }
      return stage
    }()
  }
#else
  /// Nothing, in a release build.
  @inlinable @inline(__always) public func plantedTrap(_ stage: PlantedTrap, in bytes: @autoclosure () -> [UInt8]) {}
#endif
