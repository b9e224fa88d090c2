internal import MailFlow
internal import Message
internal import Platform
internal import Store

/// A message as the classifier sees it.
public struct MessageTokens: Sendable {
  /// 48 bits each, each once.
  public let tokens: [UInt64]
  /// Tells this message from others: made of its bytes, and always negative, as ids of stored contents never are.
  public let identity: Int64

  /// Reads a message that is at hand, with any line ends.
  public init(message bytes: [UInt8]) {
    let header = HeaderSection(bytes)
    let body = Array(bytes[header.bytes.count...])
    let structure = MIMEScanner.scan(header: header, body: body[...])
    tokens = Tokenizer.tokens(of: header, structure, body: body)
    let digest = SHA256.hash(bytes)
    let number = digest.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
    identity = number | .min
  }
}

extension Tokenizer {
  /// How much is read at a time.
  private static let piece = 32 << 10

  /// The tokens of a message that has just come in.
  static func tokens(of content: ReceivedContent) async throws -> [UInt64] {
    try await tokens(of: content.header, content.structure) { try await content.body.bytes(from: $0, count: $1) }
  }

  /// The tokens of a message whose body is read piece by piece.
  static func tokens(
    of header: HeaderSection, _ structure: MIMEStructure, read: (_ offset: Int, _ count: Int) async throws -> [UInt8]
  ) async throws -> [UInt64] {
    var tokenizer = Tokenizer(header: header)
    tokenizer.insert(structure)
    for (index, range) in wanted(in: structure) {
      tokenizer.begin(structure.parts[index])
      var position = range.lowerBound
      while position < range.upperBound {
        let bytes = try await read(position, min(piece, range.upperBound - position))
        guard !bytes.isEmpty else { break }
        position += bytes.count
        tokenizer.append(bytes[...])
      }
      tokenizer.end()
    }
    return tokenizer.tokens
  }
}
