internal import COpenSSL
internal import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// The ciphertext on both sides of OpenSSL: what has come from the network, and what is to go there.
///
/// OpenSSL reads and writes it through a BIO of our own, so that it works on NIO's buffers directly and an idle
/// connection holds none (OpenSSL's own memory BIOs never give back what they once needed).
final class Ciphertext {
  var incoming = ByteBuffer()
  var outgoing = ByteBuffer()

  /// A BIO over these buffers. It does not keep them alive: whoever frees the SSL object must outlive it.
  func makeBIO() -> OpaquePointer? {
    guard let method = Self.method.pointer, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }

  fileprivate func give(_ target: UnsafeMutableRawPointer, _ length: Int) -> Int {
    let count = min(length, incoming.readableBytes)
    incoming.readWithUnsafeReadableBytes { bytes in
      if count > 0, let base = bytes.baseAddress { memcpy(target, base, count) }
      return count
    }
    if incoming.readableBytes == 0 { incoming = ByteBuffer() }
    return count
  }

  fileprivate func take(_ source: UnsafeRawPointer, _ length: Int) {
    outgoing.writeBytes(UnsafeRawBufferPointer(start: source, count: length))
  }

  private static func of(_ bio: OpaquePointer?) -> Ciphertext? {
    guard let data = BIO_get_data(bio) else { return nil }
    return Unmanaged<Ciphertext>.fromOpaque(data).takeUnretainedValue()
  }

  /// `@unchecked`: made once, never changed afterwards, and OpenSSL only reads it.
  private struct Method: @unchecked Sendable {
    let pointer: OpaquePointer?
  }

  private static let method: Method = {
    let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postroom")
    BIO_meth_set_read(method) { bio, target, length in
      postroom_BIO_clear_retry_flags(bio)
      guard let target, length > 0, let ciphertext = Ciphertext.of(bio) else { return 0 }
      let count = ciphertext.give(target, Int(length))
      guard count > 0 else {
        postroom_BIO_set_retry_read(bio)
        return -1
      }
      return Int32(count)
    }
    BIO_meth_set_write(method) { bio, source, length in
      postroom_BIO_clear_retry_flags(bio)
      guard let source, length > 0, let ciphertext = Ciphertext.of(bio) else { return 0 }
      ciphertext.take(source, Int(length))
      return length
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
      // Only a flush is ever asked for that needs a yes; nothing is buffered here.
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
    return Method(pointer: method)
  }()
}
