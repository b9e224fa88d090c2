/// What goes wrong on a ``MemoryDisk``, and at which operation.
///
/// Operations are writes, syncs, truncations and deletions, counted from 1 in the order in which they come; each kind counts those
/// that it can hit.
public struct Fault: Sendable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// The operation fails; the next one works again.
    case error
    /// It fails, and so does every later one.
    case errors
    /// The disk is full: from this write on, files cannot grow until ``MemoryDisk/makeRoom()``.
    case full
    /// Half of a write is carried out, then it fails.
    case torn
    /// The power goes: all that was not synced is gone.
    case cut
    /// The power goes: of what was not synced a random part is on disk, in pieces of 512 bytes.
    case scattered
    /// A sync fails, and what it was to write never reaches the disk, though the process still sees it: what Linux does when
    /// writing back fails. Later syncs work.
    case lostSync
  }

  public let kind: Kind
  public let number: Int
  public let seed: UInt64

  public init(_ kind: Kind, at number: Int, seed: UInt64) {
    self.kind = kind
    self.number = number
    self.seed = seed
  }

  public var description: String { "\(kind) at \(number), seed \(seed)" }

  enum Operation {
    case write(grows: Bool)
    case sync, truncate, delete
  }

  func counts(_ operation: Operation) -> Bool {
    switch (kind, operation) {
    case (.error, _), (.errors, _), (.cut, _), (.scattered, _): true
    case (.full, .write(grows: true)), (.torn, .write), (.lostSync, .sync): true
    default: false
    }
  }
}

/// A generator whose series is repeated by its seed.
public struct SplitMix: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
