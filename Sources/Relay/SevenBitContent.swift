internal import MailFlow
internal import Message
internal import Synchronization

/// A message on its way out whose parts are encoded while it goes, for a server without 8BITMIME. It is run through twice, once
/// to know its size (and that nothing above 127 is left), once to send it; nothing of it is kept.
enum SevenBitContent {
  private struct Unreadable: Error, CustomStringConvertible {
    let description = "the converted message was not read in its order"
  }

  /// - Returns: `nil` if octets above 127 are left where no encoding reaches, or it cannot be converted at all.
  static func make(
    _ source: OutgoingContent, header: HeaderSection, structure: MIMEStructure
  ) async throws -> OutgoingContent? {
    let bodyStart = source.size - structure.bodySize
    let prefixSize = bodyStart - header.bytes.count
    guard prefixSize >= 0 else { return nil }
    // What is read of the parts' headers is small: the scanner has limits for them.
    var headers: [Range<Int>: [UInt8]] = [:]
    for part in structure.parts where part.has8BitBody && !part.header.isEmpty {
      headers[part.header] = try await read(source, bodyStart + part.header.lowerBound, part.header.count)
    }
    let found = headers
    guard
      let conversion = SevenBitConversion(
        header: header, structure: structure, partHeader: { found[$0] ?? [] })
    else { return nil }
    let prefix = try await read(source, 0, prefixSize)
    let stream: @Sendable () -> Stream = {
      Stream(writer: SevenBitWriter(conversion), prefix: prefix, source: source, bodyStart: bodyStart)
    }
    var size = 0
    let measured = stream()
    while let piece = try await measured.next() {
      guard piece.allSatisfy({ $0 < 128 }) else { return nil }
      size += piece.count
    }
    let sent = Mutex(stream())
    return OutgoingContent(
      size: size, facts: source.facts.subtracting(.eightBitBody),
      hasInternationalizedPrefix: source.hasInternationalizedPrefix
    ) { from, count in
      if from == 0 { sent.withLock { $0 = stream() } }
      return try await sent.withLock { $0 }.read(from: from, count: count)
    }
  }

  private static func read(_ source: OutgoingContent, _ from: Int, _ count: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let piece = try await source.read(from + bytes.count, count - bytes.count)
      guard !piece.isEmpty else { throw Unreadable() }
      bytes += piece
    }
    return bytes
  }

  /// The new octets in their order.
  private actor Stream {
    private var writer: SevenBitWriter
    private let prefix: [UInt8]
    private let source: OutgoingContent
    private let bodyStart: Int
    private var hasBegun = false
    private var buffer: [UInt8] = []
    /// Octets given out.
    private var position = 0

    init(writer: SevenBitWriter, prefix: [UInt8], source: OutgoingContent, bodyStart: Int) {
      self.writer = writer
      self.prefix = prefix
      self.source = source
      self.bodyStart = bodyStart
    }

    func next() async throws -> [UInt8]? {
      if !hasBegun {
        hasBegun = true
        if !prefix.isEmpty { return prefix }
      }
      guard !writer.isDone else { return nil }
      let wanted = writer.wanted
      let bytes = try await SevenBitContent.read(source, bodyStart + wanted.lowerBound, wanted.count)
      return writer.convert(bytes)
    }

    func read(from: Int, count: Int) async throws -> [UInt8] {
      guard from == position else { throw Unreadable() }
      while buffer.count < count, let piece = try await next() { buffer += piece }
      let piece = Array(buffer.prefix(count))
      buffer.removeFirst(piece.count)
      position += piece.count
      return piece
    }
  }
}
