internal import Synchronization

extension Store {
  /// Opens a message for reading in pieces, with no read transaction held between them. Its bytes stay while the
  /// returned object lives, even if the message is expunged meanwhile.
  /// - Returns: `nil` when the content is gone.
  public func open(_ content: ContentID, prefix: PrefixID? = nil) async throws -> StoredMessage? {
    try await open(content, prefix: prefix, loading: 0) { _ in }.message
  }

  /// The same, for those who want more in the same read transaction, which is what costs: a small message as a whole, and
  /// what `also` asks for.
  /// - Parameter loading: a message of at most so many bytes is read at once.
  public func open<T: Sendable>(
    _ content: ContentID, prefix: PrefixID?, loading: Int, also: @escaping @Sendable (borrowing Reader) throws -> T
  ) async throws -> (message: StoredMessage?, also: T) {
    let lease = leases.take(content) ? ContentLease(leases, content) : nil
    // After the lease: what this transaction sees, the reaper has to leave.
    return try await read { reader in
      let other = try also(reader)
      guard let lease, let stored = try reader.content(content) else { return (nil, other) }
      let bytes = try prefix.map { try reader.prefix($0) ?? [] } ?? []
      let size = bytes.count + stored.size
      let all = size <= loading ? try reader.bytes(of: stored, prefix: bytes, from: 0, to: size) : nil
      return (StoredMessage(self, lease, content: stored, prefix: bytes, all: all), other)
    }
  }

  /// Keeps everything in a mailbox readable for a session that has it in view: what is expunged after this call
  /// stays on disk until ``MailboxHold/advance()`` or the end of the hold.
  public func hold(_ mailbox: MailboxID) -> MailboxHold { MailboxHold(leases, mailbox) }
}

/// Keeps the reaper from a content until its last reference goes away.
final class ContentLease: Sendable {
  private let leases: Leases
  private let content: ContentID

  /// Takes over a lease that was taken.
  init(_ leases: Leases, _ content: ContentID) {
    self.leases = leases
    self.content = content
  }

  deinit { leases.release(content) }
}

/// A message open for reading: prefix, header section and body as one run of bytes.
public final class StoredMessage: Sendable {
  public let content: StoredContent
  /// The copy's own header fields, empty if it has none.
  public let prefix: [UInt8]
  private let store: Store
  private let lease: ContentLease
  /// A small message that was read when it was opened.
  private let all: [UInt8]?

  init(_ store: Store, _ lease: ContentLease, content: StoredContent, prefix: [UInt8], all: [UInt8]? = nil) {
    self.store = store
    self.lease = lease
    self.content = content
    self.prefix = prefix
    self.all = all
  }

  /// Bytes of prefix and header section.
  public var headerSize: Int { prefix.count + content.headerSize }
  /// Bytes of everything.
  public var size: Int { prefix.count + content.size }

  /// Reads up to `count` bytes (at most 1 MiB at a time), fewer only at the end.
  public func bytes(from: Int, count: Int) async throws -> [UInt8] {
    guard from >= 0, from < size, count > 0 else { return [] }
    let end = from + min(count, 1 << 20, size - from)
    if let all { return from == 0 && end == all.count ? all : Array(all[from..<end]) }
    let (content, prefix) = (content, prefix)
    return try await store.read { try $0.bytes(of: content, prefix: prefix, from: from, to: end) }
  }

  /// Pieces of at most 256 KiB of a range, which is cut to what is there; without one, of everything.
  public func pieces(_ range: Range<Int>? = nil) -> MessagePieces {
    MessagePieces(message: self, range: (range ?? 0..<size).clamped(to: 0..<size))
  }
}

/// See ``StoredMessage/pieces(_:)``.
public struct MessagePieces: AsyncSequence, Sendable {
  let message: StoredMessage
  let range: Range<Int>

  public struct AsyncIterator: AsyncIteratorProtocol {
    let message: StoredMessage
    var range: Range<Int>

    public mutating func next() async throws -> [UInt8]? {
      guard !range.isEmpty else { return nil }
      let bytes = try await message.bytes(from: range.lowerBound, count: Swift.min(range.count, Store.inlineLimit))
      range = range.lowerBound + bytes.count..<range.upperBound
      return bytes
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(message: message, range: range) }
}

/// See ``Store/hold(_:)``. Ends with ``release()`` or with its last reference.
public final class MailboxHold: Sendable {
  private let leases: Leases
  private let mailbox: MailboxID
  private let number: Int

  init(_ leases: Leases, _ mailbox: MailboxID) {
    self.leases = leases
    self.mailbox = mailbox
    number = leases.hold(mailbox)
  }

  deinit { release() }

  /// The session has told its client of all that was expunged so far: that may go.
  public func advance() { leases.advance(mailbox, number) }

  public func release() { leases.endHold(mailbox, number) }
}
