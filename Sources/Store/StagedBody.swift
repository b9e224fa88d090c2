internal import Platform
internal import Synchronization

extension Store {
  /// Begins a body that is too large for memory. Its chunks are written as they come, in transactions of at most 1 MiB; what
  /// is not used by an accepting transaction is swept up by ``StagedBody/drop()``, when the last reference goes away, or when
  /// the store is next opened.
  public func stage() -> StagedBody { StagedBody(self) }
}

/// A body on its way in. One task feeds it.
public final class StagedBody: Sendable {
  /// A body that is complete and can be used.
  struct Finished {
    let id: BodyID
    let size: Int
    let sha256: [UInt8]
  }

  private struct State {
    /// Known when the first chunks are written.
    var id: BodyID?
    /// Chunks on disk.
    var written = 0
    /// What is not on disk yet.
    var buffer: [UInt8] = []
    var size = 0
    var digest = SHA256()
    var finished: [UInt8]?
    var isDropped = false
  }

  /// Bytes that gather before they are written.
  private static let step = 1 << 20

  private let store: Store
  private let state = Mutex(State())

  init(_ store: Store) { self.store = store }

  deinit { drop() }

  /// Bytes so far.
  public var size: Int { state.withLock { $0.size } }

  /// Adds bytes. Waits for the disk now and then, so that memory stays bounded.
  ///
  /// Throws as ``Store/write(_:expected:_:)`` does; then the body is lost.
  public func append(_ bytes: some Sequence<UInt8> & Sendable) async throws {
    let isFull = try state.withLock { state in
      guard state.finished == nil, !state.isDropped else {
        throw StoreError.misuse("bytes were added to a staged body after its end")
      }
      let before = state.buffer.count
      state.buffer.append(contentsOf: bytes)
      state.size += state.buffer.count - before
      state.buffer[before...].withUnsafeBytes { state.digest.update($0) }
      return state.buffer.count >= Self.step
    }
    if isFull { try await write(all: false) }
  }

  /// Writes what is left; after it the body can be used by ``NewBody/staged(_:)``.
  /// - Returns: the SHA-256 of the whole body.
  public func finish() async throws -> [UInt8] {
    try await write(all: true)
    return state.withLock { state in
      if let finished = state.finished { return finished }
      let sha256 = state.digest.finish()
      state.finished = sha256
      return sha256
    }
  }

  /// Reads back what has been appended, for checks that must see it again. Fewer bytes come at the end.
  public func bytes(from: Int, count: Int) async throws -> [UInt8] {
    guard from >= 0, count > 0 else { return [] }
    let (id, written) = state.withLock { ($0.id, $0.written * Store.chunkSize) }
    var result: [UInt8] = []
    if let id, from < written {
      let wanted = min(count, written - from)
      result = try await store.read { try $0.body(id, from: from, count: wanted) }
      guard result.count == wanted, wanted < count else { return result }
    }
    let start = from + result.count
    let rest = count - result.count
    return result
      + state.withLock { state -> ArraySlice<UInt8> in
        // One task feeds it: nothing can have been written meanwhile but by that task, which is here.
        let offset = start - written
        guard offset < state.buffer.count else { return [] }
        return state.buffer[offset..<min(offset + rest, state.buffer.count)]
      }
  }

  /// Gives the body up. Does nothing once an accepting transaction has used it.
  public func drop() {
    let id = state.withLock { state -> BodyID? in
      defer { state.isDropped = true }
      return state.isDropped ? nil : state.id
    }
    if let id { store.later(.abandon(id)) }
  }

  func finished() throws -> Finished {
    try state.withLock { state in
      guard let id = state.id, let sha256 = state.finished else {
        throw StoreError.misuse("a staged body was used before finish()")
      }
      return Finished(id: id, size: state.size, sha256: sha256)
    }
  }

  /// Writes the chunks that are full; with `all`, the last one too.
  private func write(all: Bool) async throws {
    let (id, number, chunks) = state.withLock { state in
      (state.id, state.written, Self.cut(&state.buffer, all: all))
    }
    guard !chunks.isEmpty || (all && id == nil) else { return }
    let body = try await store.write { try $0.stage(id, from: number, chunks) }
    faultPoint(.staged)
    state.withLock { state in
      state.id = body
      state.written += chunks.count
    }
  }

  /// Takes chunks from the front of a buffer.
  private static func cut(_ buffer: inout [UInt8], all: Bool) -> [[UInt8]] {
    var chunks: [[UInt8]] = []
    var start = 0
    while buffer.count - start >= Store.chunkSize || (all && start < buffer.count) {
      let end = min(start + Store.chunkSize, buffer.count)
      chunks.append(Array(buffer[start..<end]))
      start = end
    }
    buffer.removeFirst(start)
    return chunks
  }
}
