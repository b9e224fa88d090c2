/// The key of one kind of row. Ids come from one persistent sequence: they grow with time, and none is used twice.
public struct Identifier<Kind>: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
  /// Always positive.
  public let value: Int64

  public init(_ value: Int64) { self.value = value }

  /// Reads the decimal form that ``description`` writes.
  public init?(_ text: some StringProtocol) {
    guard let value = Int64(text), value > 0 else { return nil }
    self.value = value
  }

  public var description: String { String(value) }

  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  public init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Int64.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

public enum MailboxKind {}
public enum BodyKind {}
public enum ContentKind {}
public enum PrefixKind {}
public enum EnvelopeKind {}

/// A mailbox. It survives renaming.
public typealias MailboxID = Identifier<MailboxKind>
/// The body of a message, kept once however many header sections go with it.
public typealias BodyID = Identifier<BodyKind>
/// One header section together with its body.
public typealias ContentID = Identifier<ContentKind>
/// The header fields that stand before the header section in one copy (`Return-Path`, `Delivered-To`, `Received`).
public typealias PrefixID = Identifier<PrefixKind>
/// An accepted envelope.
public typealias EnvelopeID = Identifier<EnvelopeKind>

/// One recipient of one envelope.
public struct RecipientID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let envelope: EnvelopeID
  /// Counts from 0 in each envelope.
  public let number: Int

  public init(_ envelope: EnvelopeID, _ number: Int) {
    self.envelope = envelope
    self.number = number
  }

  /// Reads the form `ENVELOPE.NUMBER` that ``description`` writes.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let envelope = EnvelopeID(parts[0]), let number = Int(parts[1]), number >= 0 else {
      return nil
    }
    self.init(envelope, number)
  }

  public var description: String { "\(envelope).\(number)" }

  public static func < (a: Self, b: Self) -> Bool { (a.envelope, a.number) < (b.envelope, b.number) }
}

/// An IMAP unique identifier (RFC 9051 §2.3.1.1): never 0, grows with each message of its mailbox.
public typealias UID = UInt32

/// A modification sequence (RFC 7162 §3.1): grows with each change of a mailbox.
public typealias ModSeq = Int64
