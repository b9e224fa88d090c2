internal import Message
internal import Platform
internal import Store

/// Whose bytes are being worked on: what a crash is laid at the door of.
///
/// The key is kept in the slot file and in the store; it also is what a log shows.
struct Suspect: Hashable, Sendable {
  let key: String

  /// Mail of one reverse-path from one peer.
  init(peer: IPAddress?, reversePath: EmailAddress?) {
    key = "\(Self.name(peer)) <\(reversePath?.description ?? "")>"
  }

  /// What a peer sends before there is a message.
  init(session peer: IPAddress?) { key = "session \(Self.name(peer))" }

  /// Messages that an account puts into its own mailboxes.
  init(account: String) { key = "account \(account)" }

  /// An accepted message on its way to one next hop.
  init(relay envelope: EnvelopeID, hop: String) { key = Self.relay(envelope) + hop }

  /// A notification about an accepted message, which quotes it.
  init(notificationAbout envelope: EnvelopeID) { key = Self.relay(envelope) + "notification" }

  /// A stored message.
  init(content: Int64) { key = "content \(content)" }

  /// The beginning of all keys of one envelope on its way out.
  static func relay(_ envelope: EnvelopeID) -> String { "relay \(envelope) " }

  /// The envelope of a key that begins with ``relay(_:)``.
  static func envelope(ofRelay key: String) -> EnvelopeID? {
    let parts = key.split(separator: " ", maxSplits: 2)
    return parts.count == 3 && parts[0] == "relay" ? EnvelopeID(parts[1]) : nil
  }

  /// The stored message of a key.
  static func content(of key: String) -> ContentID? {
    let parts = key.split(separator: " ")
    return parts.count == 2 && parts[0] == "content" ? ContentID(parts[1]) : nil
  }

  private static func name(_ peer: IPAddress?) -> String { peer?.description ?? "local" }
}
