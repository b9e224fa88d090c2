/// Writes the fields that prove where a message comes from (DKIM). Filtering implements it.
public protocol Signer: Sendable {
  /// Ready header fields, each ending in CRLF, to stand on top of what leaves the house; empty for none.
  ///
  /// It is asked last, after all other changes, for whatever leaves the house: mail of our own people and of the appliance
  /// itself (DKIM), and mail from outside that is passed on (ARC). The message's header is the one that leaves.
  func signature(for message: JudgedMessage) async -> [UInt8]
}
