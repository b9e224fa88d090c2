@testable import Network
@testable import SMTP

/// What comes of an answer that arrives in these pieces, and then ends.
private func parsed(_ parts: [ArraySlice<UInt8>], _ limit: Int) -> Result<HTTPResponse?, HTTPError> {
  var parser = HTTPResponseParser(limit: limit)
  do {
    for part in parts { try parser.receive(part) }
    try parser.end()
    return .success(parser.finished)
  } catch {
    return .failure(error)
  }
}

extension FuzzTarget {
  /// The TXT records of MTA-STS and TLSRPT, and the policy's document.
  static let transportPolicies = FuzzTarget(
    "transport-policies",
    covers: [
      "SMTP/TransportPolicies/STSRecord.swift", "SMTP/TransportPolicies/STSPolicy.swift",
      "SMTP/TransportPolicies/TLSReportRecord.swift",
    ],
    words: [
      "v=STSv1", "v=TLSRPTv1", "; ", "id=", "rua=", "mailto:", "https://", "@", ",", "version: STSv1", "mode: ",
      "enforce",
      "testing", "none", "mx: ", "*.", "example.net", "max_age: ", "604800", "\r\n", "\n",
    ],
    seeds: [
      "v=STSv1; id=20160831085700Z;", "v=TLSRPTv1; rua=mailto:a@example.net,https://r.example/v1?x",
      "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
      "version: STSv1\nmode: testing\nmx: a\nmx: a\nmode: none\nmax_age: 9999999999\nlater: x",
      "version: STSv1\nmode: none\nmax_age: 0",
    ]
  ) { bytes in
    let written = text(bytes)
    if let record = STSRecord(written) {
      try require((1...32).contains(record.id.utf8.count), "the id has \(record.id.utf8.count) octets")
      try require(STSRecord("v=STSv1; id=\(record.id)") == record, "the id is another when it is read again")
      try require(STSRecord.only(of: [written]) == record, "alone it is none")
      try require(STSRecord.only(of: [written, written]) == nil, "two are one")
      try Planted.bug(where: record.id.utf8.count == 32 && written.hasSuffix("; "))
    }
    if let record = TLSReportRecord(written) {
      try require(!record.destinations.isEmpty, "reports go nowhere")
      try require(record.destinations.count <= TLSReportRecord.destinationLimit, "too many destinations")
    }
    if let policy = try? STSPolicy(bytes) {
      try require(policy.mode == .none || !policy.patterns.isEmpty, "a policy without hosts")
      try require((0...STSPolicy.longestAge).contains(policy.maxAge), "an age of \(policy.maxAge)")
      let again = try? STSPolicy(Array(policy.lines.joined(separator: "\r\n").utf8))
      try require(again == policy, "the policy is another when it is read again")
      for pattern in policy.patterns {
        let host = pattern.hasPrefix("*.") ? "a" + pattern.dropFirst() : pattern
        try require(policy.names(host), "\(pattern) does not name \(host)")
      }
      _ = policy.names(written)
    }
  }

  /// An answer over HTTP. The first octet is the size that is allowed, in 16 octets.
  static let httpResponse = FuzzTarget(
    "http-response", covers: ["Network/HTTPS/HTTPResponseParser.swift"],
    words: [
      "HTTP/1.1 ", "200 OK", "204", "100 Continue", "\r\n", "\n", "\r\n\r\n", "Content-Length: ", "Transfer-Encoding: ",
      "chunked", "0", "5", "a;x=y", ": ", "Content-Type: text/plain",
    ],
    seeds: [
      "\u{20}HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabcd",
      "\u{20}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
      "\u{20}HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.0 404\n\nno", "\u{1}HTTP/1.1 204 \r\n\r\n",
      "\u{1}HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
    ]
  ) { bytes in
    guard let first = bytes.first else { return }
    let limit = Int(first) * 16
    let stream = Array(bytes.dropFirst())
    let whole = parsed([stream[...]], limit)
    try require(whole == parsed(pieces(stream, longest: 9), limit), "the answer depends on how it was split")
    if case .success(let response) = whole {
      guard let response else { throw Violation(description: "an answer that ended is none") }
      try require(response.body.count <= limit, "\(response.body.count) octets where \(limit) were allowed")
      try require((200...599).contains(response.status), "the status is \(response.status)")
      try require(response.fields.count <= HTTPResponseParser.fieldLimit, "too many fields")
      try Planted.bug(where: response.status == 204 && response.fields.count == 2)
      _ = response.mediaType
    }
  }
}
