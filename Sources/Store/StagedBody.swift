extension Store {
  /// Begins a body that is too large for memory. Its chunks are written as they come, in transactions of at most 1 MiB; what
  /// is not used by an accepting transaction is swept up by ``StagedBody/drop()``, when the last reference goes away, or when
  /// the store is next opened.
  public func stage() -> StagedBody { StagedBody(id: BodyID(1)) }
}

/// A body on its way in. One task feeds it.
public final class StagedBody: Sendable {
  public let id: BodyID

  init(id: BodyID) { self.id = id }

  /// Bytes so far.
  public var size: Int { 0 }

  /// Adds bytes. Waits for the disk now and then, so that memory stays bounded.
  public func append(_ bytes: some Sequence<UInt8> & Sendable) async throws { throw StoreError.closed }

  /// Writes what is left; after it the body can be used by ``NewBody/staged(_:)``.
  /// - Returns: the SHA-256 of the whole body.
  public func finish() async throws -> [UInt8] { throw StoreError.closed }

  /// Reads back what has been appended, for checks that must see it again. Fewer bytes come at the end.
  public func bytes(from: Int, count: Int) async throws -> [UInt8] { throw StoreError.closed }

  /// Gives the body up.
  public func drop() {}
}
