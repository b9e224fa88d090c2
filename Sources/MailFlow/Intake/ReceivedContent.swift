public import Message
internal import Platform
internal import Store

/// A message's content as it came in: header section in memory, body in memory or staged, scanned once.
///
/// It holds its share of the staging budget until it goes out of use; staged chunks that no transaction took over
/// go with it.
public struct ReceivedContent: Sendable {
  /// The header section as received, its empty line included.
  public let header: HeaderSection
  public let structure: MIMEStructure
  public let body: ReceivedBody
  /// SHA-256 over header section and body as received: what two equal transmissions have in common.
  public let hash: [UInt8]

  /// `false` where the process ended over such a message before: then the header section is empty, the body is
  /// everything as it came, and nobody has looked at it.
  public let isParsed: Bool

  /// Where work on this message is marked while it lasts.
  public var work: WorkSlot { body.work }

  /// Bytes of header section and body.
  public var size: Int { header.bytes.count + body.size }
  public var facts: ContentFacts {
    ContentFacts(header: header, structure: structure).union(isParsed ? [] : .unparsed)
  }

  init(
    header: HeaderSection, structure: MIMEStructure, body: ReceivedBody, hash: [UInt8], isParsed: Bool = true
  ) {
    self.header = header
    self.structure = structure
    self.body = body
    self.hash = hash
    self.isParsed = isParsed
  }
}

/// The body of a message that came in.
public final class ReceivedBody: Sendable {
  enum Place: Sendable {
    case memory([[UInt8]])
    case staged(StagedBody)
  }

  let place: Place
  public let size: Int
  /// SHA-256 over the body.
  public let hash: [UInt8]
  private let share: StagingBudget.Share?
  /// Where work on this message is marked.
  let work: WorkSlot

  init(place: Place, size: Int, hash: [UInt8], share: StagingBudget.Share?, work: WorkSlot = .unwatched) {
    self.place = place
    self.size = size
    self.hash = hash
    self.share = share
    self.work = work
  }

  /// Up to `count` bytes from an offset, fewer at the end; for filters that must see the content again. Never call it
  /// on an event loop: a large body is read from disk.
  public func bytes(from offset: Int, count: Int) async throws -> [UInt8] {
    switch place {
    case .staged(let staged): return try await staged.bytes(from: offset, count: count)
    case .memory(let pieces):
      var result: [UInt8] = []
      var start = 0
      for piece in pieces where result.count < count {
        let from = max(offset - start, 0)
        if from < piece.count { result += piece[from...].prefix(count - result.count) }
        start += piece.count
      }
      return result
    }
  }

  var asNewBody: NewBody {
    switch place {
    case .memory(let pieces): .bytes(pieces, sha256: hash)
    case .staged(let staged): .staged(staged)
    }
  }

  /// Gives the bytes up that no transaction has taken.
  func drop() {
    if case .staged(let staged) = place { staged.drop() }
    share?.release()
  }
}
