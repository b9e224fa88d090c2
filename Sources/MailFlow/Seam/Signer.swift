/// Writes the fields that prove where a message comes from (DKIM). Filtering implements it.
public protocol Signer: Sendable {
  /// Ready header fields, each ending in CRLF, to stand on top of what leaves the house; empty for none.
  ///
  /// It is asked for mail of our own people and of the appliance itself that has recipients elsewhere.
  func signature(for message: JudgedMessage) async -> [UInt8]
}
