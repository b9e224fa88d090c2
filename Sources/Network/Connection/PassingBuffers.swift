internal import NIOCore

/// Sizes the buffers into which a channel reads: small for commands, large while content streams, and none kept.
///
/// NIO's allocators keep the last buffer of every channel for its next read. After one large message each idle connection
/// would hold 64 KiB for good. Here every read gets a buffer of its own, which goes when its bytes are consumed.
struct PassingBuffers: RecvByteBufferAllocator {
  private static let smallest = 1024
  private static let largest = 64 * 1024
  private var next = smallest

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: next) }

  /// No size to be expected means to NIO: do not look for a kept buffer of that size.
  func nextBufferSize() -> Int? { nil }

  /// "May grow" means to NIO: do not read into the buffer of the read before.
  mutating func record(actualReadBytes: Int) -> Bool {
    if actualReadBytes >= next {
      next = min(next * 4, Self.largest)
    } else if actualReadBytes < next / 4 {
      next = Self.smallest
    }
    return true
  }
}
