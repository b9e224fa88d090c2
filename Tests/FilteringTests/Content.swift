import Configuration
import Glibc
import Message
import Platform
import Store
import Testing

@testable import Filtering
@testable import MailFlow

/// Messages made for checks.
enum Content {
  /// A content as it comes in, from text with any line ends.
  static func received(_ text: String) -> ReceivedContent {
    let content = RuleJudgeTests.content(text)
    guard case .memory(let pieces) = content.body.place else { return content }
    let body = Array(pieces.joined())
    let hash = SHA256.hash(body)
    return ReceivedContent(
      header: content.header, structure: content.structure,
      body: ReceivedBody(place: .memory(pieces), size: body.count, hash: hash, share: nil), hash: hash)
  }

  /// A message with one attachment, in Base64.
  static func attached(_ bytes: [UInt8], name: String, type: String = "application/octet-stream") -> ReceivedContent {
    var encoder = Base64Encoder()
    var encoded: [UInt8] = []
    encoder.encode(bytes[...], into: &encoded)
    encoder.finish(into: &encoded)
    return received(
      """
      From: a@elsewhere.example
      Subject: attached
      Content-Type: multipart/mixed; boundary=bound

      --bound

      see the file

      --bound
      Content-Type: \(type)
      Content-Disposition: attachment; filename="\(name)"
      Content-Transfer-Encoding: base64

      \(String(decoding: encoded.filter { $0 != 13 }, as: UTF8.self))
      --bound--

      """)
  }

  static func judged(
    _ content: ReceivedContent, origin: Origin = .mx, to recipients: [String] = ["anna@office.example"],
    deadline: ContinuousClock.Instant = .now + .seconds(120), _ configure: (inout Configuration) -> Void = { _ in }
  ) throws -> JudgedMessage {
    var configuration = try Configuration(text: RuleJudgeTests.office)
    configure(&configuration)
    let envelope = Envelope(
      origin: origin, reversePath: EmailAddress("eve@elsewhere.example"),
      recipients: recipients.compactMap { EmailAddress($0) }.map { EnvelopeRecipient($0) },
      peer: Peer(address: IPAddress("192.0.2.7"), helo: "client.example"), receivedAt: Moment(seconds: 1_800_000_000))
    return JudgedMessage(
      envelope: envelope, header: content.header, content: content, configuration: configuration, deadline: deadline)
  }
}

/// A folder of a test's own, removed with all that is in it.
final class TestFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/postroom-filter-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nowhere"
  }

  deinit {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink(path + "/" + name)
    }
    closedir(folder)
    rmdir(path)
  }
}
