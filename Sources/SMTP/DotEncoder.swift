#if canImport(Glibc)
  import Glibc
#endif

/// Puts content on the wire for DATA: doubles the dot at the start of a line, and ends with CRLF.CRLF
/// (RFC 5321 §4.5.2). It can be fed in any pieces.
///
/// Content must have CRLF line ends, as everything that this house stores has. A CR or LF that stands alone all
/// the same does not start a line here, nor may it for a receiver that obeys RFC 5321 §2.3.8.
public struct DotEncoder: Sendable {
  private enum Position: Sendable { case start, inside, carriageReturn }
  private var position = Position.start

  public init() {}

  /// Appends `input` to `output` with dots doubled.
  public mutating func encode(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    guard let base = input.baseAddress else { return }
    var copied = 0
    var index = 0
    while index < input.count {
      if position == .start, input[index] == 0x2e {
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[copied..<index]))
        output.append(0x2e)
        copied = index
      }
      guard let found = memchr(base + index, 0x0a, input.count - index) else {
        position = input[input.count - 1] == 0x0d ? .carriageReturn : .inside
        break
      }
      let lineFeed = base.distance(to: UnsafeRawPointer(found))
      let previous = lineFeed > index ? input[lineFeed - 1] == 0x0d : position == .carriageReturn
      position = previous ? .start : .inside
      index = lineFeed + 1
    }
    output.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[copied...]))
  }

  /// Appends `input` to `output` with dots doubled.
  public mutating func encode(_ input: some Sequence<UInt8>, into output: inout [UInt8]) {
    let contiguous = ContiguousArray(input)
    contiguous.withUnsafeBytes { encode($0, into: &output) }
  }

  /// The end of the content. A last line without CRLF gets one (RFC 5321 §4.1.1.4).
  public mutating func finish(into output: inout [UInt8]) {
    switch position {
    case .start: break
    case .inside: output += [0x0d, 0x0a]
    // A lone CR cannot be completed to a line end without a change; the pair is what it most likely was.
    case .carriageReturn: output.append(0x0a)
    }
    output += [0x2e, 0x0d, 0x0a]
    position = .start
  }
}
