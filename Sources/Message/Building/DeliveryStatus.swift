import Platform

/// The machine-readable part of a ``DeliveryReport`` (RFC 3464 §2.2, §2.3; RFC 6533 §4.1).
enum DeliveryStatus {
  static func text(_ report: DeliveryReport) -> [UInt8] {
    var result: [UInt8] = []
    result += field("Original-Envelope-Id", report.originalEnvelopeID)
    result += field("Reporting-MTA", "dns; " + report.reportingMTA)
    result += field("Received-From-MTA", report.receivedFromMTA.map { "dns; " + $0 })
    result += field("Arrival-Date", report.arrival.map(date))
    for recipient in report.recipients {
      result += [ASCII.cr, ASCII.lf]
      result += fields(recipient)
    }
    return result
  }

  /// In the order of RFC 3464 §2.3.
  private static func fields(_ recipient: DeliveryReport.Recipient) -> [UInt8] {
    var result: [UInt8] = []
    result += field("Original-Recipient", recipient.original.map(originalRecipient))
    let type = recipient.final.isInternationalized ? "utf-8" : "rfc822"
    result += field("Final-Recipient", "\(type); \(recipient.final)")
    result += field("Action", recipient.action.rawValue)
    result += field("Status", recipient.status)
    result += field("Remote-MTA", recipient.remoteMTA.map { "dns; " + $0 })
    result += field("Diagnostic-Code", recipient.diagnostic.map { "smtp; " + escaped($0) })
    result += field("Last-Attempt-Date", recipient.lastAttempt.map(date))
    result += field("Will-Retry-Until", recipient.willRetryUntil.map(date))
    return result
  }

  private static func field(_ name: String, _ value: String?) -> [UInt8] {
    value.map { HeaderWriter.field(name: name, value: $0) } ?? []
  }

  private static func date(_ moment: Moment) -> String { HeaderDate(moment).text }

  /// RFC 6533 §3: an address of type utf-8 is shown as such, its `\x{…}` resolved; if that gives no address, as it
  /// came.
  private static func originalRecipient(_ text: String) -> String {
    guard let semicolon = text.firstIndex(of: ";"),
      ASCII.equalIgnoringCase(text[..<semicolon].utf8, "utf-8".utf8)
    else { return text }
    let address = unitextDecoded(String(text[text.index(after: semicolon)...]))
    return EmailAddress(address) == nil ? text : "utf-8;" + address
  }

  private static func unitextDecoded(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while let first = rest.popFirst() {
      guard first == "\\", rest.starts(with: "x{".unicodeScalars), let end = rest.firstIndex(of: "}"),
        let value = UInt32(String(rest[..<end].dropFirst(2)), radix: 16), let scalar = Unicode.Scalar(value)
      else {
        result.append(first)
        continue
      }
      result.append(scalar)
      rest = rest[rest.index(after: end)...]
    }
    return String(result)
  }

  /// Another server's words may hold anything; RFC 6533 §4.1 allows ASCII. At most 2,000 characters of them.
  private static func escaped(_ words: String) -> String {
    var result = ""
    for scalar in words.unicodeScalars.prefix(2000) {
      switch scalar.value {
      case 0..<32, 127: result += " "
      case 128...: result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
