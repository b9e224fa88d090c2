/// Decodes a body out of its transfer encoding in pieces of any size (RFC 3516 BINARY, text search, attachment checks).
///
/// Tolerant: what cannot be decoded is skipped or passed on, and ``isDamaged`` says so.
public struct TransferDecoder: Sendable {
  private enum Mode: Sendable {
    case identity
    case base64(Base64Decoder)
    case quotedPrintable(QuotedPrintableDecoder)
  }
  private var mode: Mode

  /// nil for an encoding that is not known: IMAP answers `[UNKNOWN-CTE]`.
  public init?(_ encoding: TransferEncoding) {
    switch encoding {
    case .sevenBit, .eightBit, .binary: mode = .identity
    case .base64: mode = .base64(Base64Decoder())
    case .quotedPrintable: mode = .quotedPrintable(QuotedPrintableDecoder())
    case .unknown: return nil
    }
  }

  /// Appends the decoded octets of this piece to `output`.
  public mutating func decode(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
    switch mode {
    case .identity: output += piece
    case .base64(var decoder):
      mode = .identity
      decoder.decode(piece, into: &output)
      mode = .base64(decoder)
    case .quotedPrintable(var decoder):
      mode = .identity
      decoder.decode(piece, into: &output)
      mode = .quotedPrintable(decoder)
    }
  }

  /// Appends what was held back. Call once, after the last piece.
  public mutating func finish(into output: inout [UInt8]) {
    switch mode {
    case .identity: break
    case .base64(var decoder):
      _ = decoder.finish(into: &output)
      mode = .base64(decoder)
    case .quotedPrintable(var decoder):
      _ = decoder.finish(into: &output)
      mode = .quotedPrintable(decoder)
    }
  }

  /// Something in the input was not in its encoding; what was understood is in the output.
  public var isDamaged: Bool {
    switch mode {
    case .identity: false
    case .base64(let decoder): decoder.isDamaged
    case .quotedPrintable(let decoder): decoder.isDamaged
    }
  }
}
