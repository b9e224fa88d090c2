/// Separates the header section from the body while a message streams in.
///
/// Feed it pieces of any size until ``isComplete``; what it does not consume is body. It keeps at most `limit` octets.
public struct HeaderCollector: Sendable {
  /// The octets of the section so far, its empty line included.
  public private(set) var bytes: [UInt8] = []
  /// The empty line was seen: what follows is body.
  public private(set) var isComplete = false
  /// The section is longer than the limit. What came is no longer kept; the message should be refused.
  public private(set) var isTooLarge = false

  private let limit: Int
  /// How many octets of the current line came, up to 2, and whether the first one was CR: enough to know an empty line.
  private var lineLength = 0
  private var lineIsCR = false

  public init(limit: Int = 1 << 20) { self.limit = limit }

  /// Takes bytes in and returns how many of them belong to the header section.
  public mutating func append(_ raw: UnsafeRawBufferPointer) -> Int {
    if isComplete { return 0 }
    var position = 0
    while position < raw.count, !isComplete {
      let lf = LineScan.find(ASCII.lf, in: raw, from: position, to: raw.count)
      let contentEnd = lf ?? raw.count
      if lineLength == 0, contentEnd > position { lineIsCR = raw[position] == ASCII.cr }
      lineLength = min(2, lineLength + (contentEnd - position))
      position = contentEnd
      if lf != nil {
        position += 1
        isComplete = lineLength == 0 || (lineLength == 1 && lineIsCR)
        lineLength = 0
        lineIsCR = false
      }
    }
    keep(UnsafeRawBufferPointer(rebasing: raw[..<position]))
    return position
  }

  public mutating func append(_ bytes: ArraySlice<UInt8>) -> Int { bytes.withUnsafeBytes { append($0) } }

  private mutating func keep(_ raw: UnsafeRawBufferPointer) {
    if isTooLarge { return }
    if raw.count > limit - bytes.count {
      isTooLarge = true
      bytes = []
    } else {
      bytes.append(contentsOf: raw)
    }
  }
}
