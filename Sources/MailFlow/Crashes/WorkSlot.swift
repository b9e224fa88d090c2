internal import Synchronization

/// The place where work on somebody's bytes is marked while it lasts, so that a process that ends over it leaves word.
///
/// A mark is one byte in memory; no system call, no allocation. It gives its slot back when it goes out of use.
// @unchecked: what it points to is written through atomics only, and lives as long as `slots`.
public final class WorkSlot: @unchecked Sendable {
  private let slots: CrashSlots?
  private let index: Int
  private let base: UnsafeMutableRawPointer?

  /// Marks nothing: for work that nobody watches.
  public static let unwatched = WorkSlot(slots: nil, index: 0, base: nil)

  init(slots: CrashSlots?, index: Int, base: UnsafeMutableRawPointer?) {
    self.slots = slots
    self.index = index
    self.base = base
  }

  deinit { slots?.giveBack(index) }

  /// Work of a stage begins. Stages are apart, so that a filter that is late may still work while the plan is made;
  /// one stage of a slot works for one task at a time.
  public func begin(_ stage: WorkStage) {
    guard let base else { return }
    Self.mark(base, stage).pointee.store(1, ordering: .releasing)
  }

  /// Work on a stored message begins: ``WorkStage/fetch`` or ``WorkStage/search``.
  public func begin(_ stage: WorkStage, content: Int64) {
    guard let base else { return }
    base.storeBytes(of: content.littleEndian, toByteOffset: CrashSlots.contentOffset, as: Int64.self)
    Self.mark(base, stage).pointee.store(1, ordering: .releasing)
  }

  public func end(_ stage: WorkStage) {
    guard let base else { return }
    Self.mark(base, stage).pointee.store(0, ordering: .releasing)
  }

  /// Marks a stage while something is done that does not wait.
  public func during<T>(_ stage: WorkStage, _ work: () throws -> T) rethrows -> T {
    begin(stage)
    defer { end(stage) }
    return try work()
  }

  /// An atomic, because a plain store that is overwritten before anybody could read it may be left out.
  static func mark(_ base: UnsafeMutableRawPointer, _ stage: WorkStage) -> UnsafeMutablePointer<Atomic<UInt8>> {
    (base + stage.rawValue).assumingMemoryBound(to: Atomic<UInt8>.self)
  }
}
