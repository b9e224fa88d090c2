internal import Synchronization

extension Store {
  /// Opens a message for reading in pieces, with no read transaction held between them. Its bytes stay while the
  /// returned object lives, even if the message is expunged meanwhile.
  /// - Returns: `nil` when the content is gone.
  public func open(_ content: ContentID, prefix: PrefixID? = nil) async throws -> StoredMessage? {
    guard leases.take(content) else { return nil }
    let lease = ContentLease(leases, content)
    // After the lease: what this transaction sees, the reaper has to leave.
    return try await read { reader in
      guard let stored = try reader.content(content) else { return nil }
      let bytes = try prefix.map { try reader.prefix($0) ?? [] } ?? []
      return StoredMessage(self, lease, content: stored, prefix: bytes)
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

  init(_ store: Store, _ lease: ContentLease, content: StoredContent, prefix: [UInt8]) {
    self.store = store
    self.lease = lease
    self.content = content
    self.prefix = prefix
  }

  /// Bytes of prefix and header section.
  public var headerSize: Int { prefix.count + content.headerSize }
  /// Bytes of everything.
  public var size: Int { prefix.count + content.size }

  /// Reads up to `count` bytes (at most 1 MiB at a time), fewer only at the end.
  public func bytes(from: Int, count: Int) async throws -> [UInt8] {
    guard from >= 0, from < size, count > 0 else { return [] }
    let end = from + min(count, 1 << 20, size - from)
    let (content, prefix, headerSize) = (content, prefix, headerSize)
    return try await store.read { reader in
      var result: [UInt8] = []
      result.reserveCapacity(end - from)
      if from < prefix.count { result += prefix[from..<min(end, prefix.count)] }
      if from < headerSize, end > prefix.count {
        let header = try reader.columns(of: content.id, .header)?.header ?? []
        guard header.count == content.headerSize else {
          throw StoreError.damaged("content \(content.id) has lost its header section")
        }
        result += header[max(from - prefix.count, 0)..<min(end - prefix.count, header.count)]
      }
      if end > headerSize {
        let start = max(from - headerSize, 0)
        result += try reader.body(content.body, from: start, count: end - headerSize - start)
      }
      guard result.count == end - from else {
        throw StoreError.damaged("content \(content.id) has lost chunks of its body")
      }
      return result
    }
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
