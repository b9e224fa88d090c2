internal import Message
internal import Platform

/// Puts the header section of a submitted message right (RFC 6409): adds Date, Message-ID and From where they are
/// missing, takes Bcc out.
///
/// What only this house may write (Return-Path, `X-Postroom-…`, Authentication-Results in our name) goes out for
/// mail from everywhere, in ``MailFlow/ArrivingHeader``.
struct HeaderRepair {
  let hostname: String
  /// For a missing From: whom the message is from as far as the session knows.
  let author: EmailAddress?
  let now: Moment
  let random: @Sendable (Int) -> [UInt8]

  /// - Returns: the section as it shall be, or `nil` if it is right already.
  func repaired(_ header: HeaderSection) -> [UInt8]? {
    // Who else got the message is nobody's business (RFC 5322 §3.6.3); so too when it is sent again (§3.6.6).
    let hidden = ["Bcc", "Resent-Bcc"]
    let hasHidden = hidden.contains { header.count(of: $0) > 0 }
    let missing = missingFields(header)
    guard hasHidden || !missing.isEmpty else { return nil }
    let kept = hasHidden ? HeaderSection(header.removing(names: hidden)) : header
    return terminated(kept.prepending(missing))
  }

  private func missingFields(_ header: HeaderSection) -> [UInt8] {
    var fields: [UInt8] = []
    // RFC 5322 §3.6: both Date and From must be there; Message-ID should (§3.6.4).
    if header.count(of: "Date") == 0 { fields += HeaderSection.field(name: "Date", value: HeaderDate(now).text) }
    if header.count(of: "From") == 0, let author {
      fields += Array("From: <\(author)>\r\n".utf8)
    }
    if header.count(of: "Message-ID") == 0 { fields += Array("Message-ID: <\(identifier)>\r\n".utf8) }
    return fields
  }

  /// Time and 64 random bits: unique without asking anybody.
  private var identifier: String {
    let tail = random(8).hexadecimal
    return "\(String(now.microseconds, radix: 36)).\(tail)@\(hostname)"
  }

  /// A message that was nothing but header fields still needs the empty line behind them.
  private func terminated(_ bytes: [UInt8]) -> [UInt8] {
    guard HeaderSection(bytes).terminatorLength == 0 else { return bytes }
    let line: [UInt8] = [0x0d, 0x0a]
    return bytes.last == 0x0a || bytes.isEmpty ? bytes + line : bytes + line + line
  }
}
