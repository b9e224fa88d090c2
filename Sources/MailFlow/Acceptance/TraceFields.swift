public import Message
internal import Platform

/// The fields that this host puts on top of a message: Return-Path, Delivered-To, Received (RFC 5321 §4.4).
///
/// They are the copy's prefix: written once for an envelope, in front of a header section and a body that many share.
public enum TraceFields {
  /// `Return-Path: <anna@example.org>`; only where a message leaves SMTP for a mailbox.
  public static func returnPath(_ address: EmailAddress?) -> [UInt8] {
    Array("Return-Path: <\(address?.description ?? "")>\r\n".utf8)
  }

  /// The address by which the mailbox was reached: a message that comes back with our own is in a loop.
  public static func deliveredTo(_ address: EmailAddress) -> [UInt8] {
    Array("Delivered-To: \(address)\r\n".utf8)
  }

  /// The time stamp line. Its identifier is that of the envelope, so that a journey can be followed from the header.
  ///
  /// - Parameters:
  ///   - hostname: this host's name.
  ///   - showsClient: whether the client's name and address appear. They always do for mail from other servers;
  ///     for our own users it is a matter of configuration.
  public static func received(
    _ envelope: Envelope, id: String, hostname: String, showsClient: Bool
  ) -> [UInt8] {
    var text = "Received: from \(client(envelope, hostname: hostname, shown: showsClient))\r\n"
    text += "\tby \(hostname) (Postroom) with \(word(envelope.protocolName) ?? "SMTP")"
    if let tls = envelope.tls.flatMap(comment) { text += " (\(tls))" }
    text += "\r\n\tid \(id)"
    // More than one address would tell the recipients of each other (RFC 5321 §7.2).
    if envelope.recipients.count == 1, let only = envelope.recipients.first,
      envelope.smtputf8 || !only.address.isInternationalized
    {
      text += "\r\n\tfor <\(only.address)>"
    }
    text += ";\r\n\t\(HeaderDate(envelope.receivedAt).text)\r\n"
    return Array(text.utf8)
  }

  /// The FROM clause: the name of the EHLO command and the address of the connection.
  private static func client(_ envelope: Envelope, hostname: String, shown: Bool) -> String {
    guard shown, let address = envelope.peer.address else { return "\(hostname) (localhost)" }
    return "\(heloName(envelope.peer.helo)) ([\(address.addressLiteral)])"
  }

  /// The client's name as it may stand in the field: a domain or an address literal, else `unknown`.
  private static func heloName(_ helo: String) -> String {
    let isFit =
      !helo.isEmpty && helo.utf8.count <= 255
      && helo.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"):
          true
        default: false
        }
      }
    return isFit ? helo : "unknown"
  }

  private static func word(_ text: String) -> String? {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ";") } ? text : nil
  }

  private static func comment(_ text: String) -> String? {
    let isFit = text.utf8.allSatisfy { byte in
      byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "(") && byte != UInt8(ascii: ")")
        && byte != UInt8(ascii: "\\")
    }
    return isFit && !text.isEmpty && text.utf8.count <= 200 ? text : nil
  }
}
