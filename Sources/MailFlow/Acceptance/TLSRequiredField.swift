internal import Message
public import Store

/// The field by which a sender says that its message shall rather go without TLS than not at all (RFC 8689 §3).
enum TLSRequiredField {
  /// Whether a header section says `TLS-Required: No`. More than one such field must not be there, so several say nothing.
  static func isNo(in header: HeaderSection) -> Bool {
    guard header.count(of: "TLS-Required") == 1, let field = header.first("TLS-Required") else { return false }
    let word = field.unfolded.filter { $0 != 0x20 && $0 != 9 }
    return String(decoding: word, as: UTF8.self).lowercased() == "no"
  }
}

extension Envelope {
  /// What is demanded of the way on. A notification that tells of a message with REQUIRETLS asks for it where it can be had,
  /// and is held up for nothing (RFC 8689 §5).
  public var transportDemand: TransportWish { transport == .required && reversePath == nil ? .standard : transport }

  /// How much of it a notification returns. RFC 8689 §5: of what came with REQUIRETLS only the header, whatever RET says.
  var returnedContent: ReturnContent? { transport == .required ? .headers : returnContent }
}

extension StoredEnvelope {
  /// ``Envelope/transportDemand`` of the row.
  public var transportDemand: TransportWish {
    let transport = Envelope.transport(in: options)
    return transport == .required && sender == nil ? .standard : transport
  }
}
