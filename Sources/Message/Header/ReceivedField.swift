/// A Received field taken apart (RFC 5321 §4.4), for the journey of a message before it came here.
///
/// Total on garbage: what is not recognised is nil. The texts are a stranger's; show them with ``displayable(_:)``.
public struct ReceivedField: Hashable, Sendable {
  /// The words after `from`, its comment included: `mail.example.org (unknown [192.0.2.1])`.
  public var from: [UInt8]?
  public var by: [UInt8]?
  public var via: [UInt8]?
  public var with: [UInt8]?
  public var id: [UInt8]?
  public var `for`: [UInt8]?
  public var date: HeaderDate?

  public init(_ body: some Collection<UInt8>) {
    self = ReceivedParser.parse(Array(body))
  }

  init() {}
}
