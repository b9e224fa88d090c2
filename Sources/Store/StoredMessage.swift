extension Store {
  /// Opens a message for reading in pieces, with no read transaction held between them. Its bytes stay while the
  /// returned object lives, even if the message is expunged meanwhile.
  /// - Returns: `nil` when the content is gone.
  public func open(_ content: ContentID, prefix: PrefixID? = nil) async throws -> StoredMessage? {
    throw StoreError.closed
  }

  /// Keeps everything in a mailbox readable for a session that has it in view: what is expunged after this call
  /// stays on disk until ``MailboxHold/advance()`` or the end of the hold.
  public func hold(_ mailbox: MailboxID) -> MailboxHold { MailboxHold() }
}

/// A message open for reading: prefix, header section and body as one run of bytes.
public final class StoredMessage: Sendable {
  public let content: StoredContent
  /// The copy's own header fields, empty if it has none.
  public let prefix: [UInt8]

  init(content: StoredContent, prefix: [UInt8]) {
    self.content = content
    self.prefix = prefix
  }

  /// Bytes of prefix and header section.
  public var headerSize: Int { prefix.count + content.headerSize }
  /// Bytes of everything.
  public var size: Int { prefix.count + content.size }

  /// Reads up to `count` bytes (at most 1 MiB at a time), fewer only at the end.
  public func bytes(from: Int, count: Int) async throws -> [UInt8] { throw StoreError.closed }

  /// Pieces of at most 256 KiB of a range, which is cut to what is there.
  public func pieces(_ range: Range<Int>? = nil) -> MessagePieces { MessagePieces() }
}

/// See ``StoredMessage/pieces(_:)``.
public struct MessagePieces: AsyncSequence, Sendable {
  public struct AsyncIterator: AsyncIteratorProtocol {
    public mutating func next() async throws -> [UInt8]? { throw StoreError.closed }
  }
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}

/// See ``Store/hold(_:)``. Ends with ``release()`` or with its last reference.
public final class MailboxHold: Sendable {
  /// The session has told its client of all that was expunged so far: that may go.
  public func advance() {}
  public func release() {}
}
