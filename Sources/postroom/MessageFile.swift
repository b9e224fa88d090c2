import Administration
import ArgumentParser
import Configuration
import Logging
import MailAuthentication
import Message
import Platform
import Relay
import Resolver

#if canImport(Glibc)
  import Glibc
#endif

/// A message as a file has it.
struct MessageFile {
  let header: HeaderSection
  let body: [UInt8]

  init(_ path: String) throws {
    let message = try Self.bytes(of: path)
    header = HeaderSection(message)
    body = Array(message[header.bytes.count...])
  }

  /// Reads a file, or standard input for `-`. Lines of files end with LF, those of mail with CR LF (RFC 5321 §2.3.8).
  static func bytes(of path: String) throws -> [UInt8] {
    guard let bytes = readWholeFile(path == "-" ? "/dev/stdin" : path) else {
      throw CommandFailure(
        "cannot read \(path): \(String(cString: strerror(errno))): name a file with a message, or - for standard input")
    }
    var message: [UInt8] = []
    message.reserveCapacity(bytes.count + bytes.count / 32)
    var previous: UInt8 = 0
    for byte in bytes {
      if byte == 10, previous != 13 { message.append(13) }
      message.append(byte)
      previous = byte
    }
    return message
  }

  func report(
    _ dns: any DNS, _ configuration: Configuration, client: MessageAuthenticator.Client? = nil
  ) async throws -> AuthenticationReport {
    let body = body
    return try await MessageAuthenticator(dns: dns, receiver: configuration.hostname)
      .report(on: header, client: client) { Array(body.dropFirst($0)) }
  }
}

/// Who handed a message in, for checks that need to know.
struct ClientOptions: ParsableArguments {
  @Option(help: "The client's address.") var ip: String?
  @Option(help: "The name in its HELO or EHLO.") var helo = ""
  @Option(help: "The reverse-path (MAIL FROM); empty for <>.") var from = ""

  var client: MessageAuthenticator.Client? {
    get throws {
      guard let ip else { return nil }
      guard let address = IPAddress(ip) else {
        throw CommandFailure(status: 2, "\(ip) is no address: write one such as 192.0.2.1")
      }
      var sender = from
      if sender.hasPrefix("<"), sender.hasSuffix(">") { sender = String(sender.dropFirst().dropLast()) }
      return MessageAuthenticator.Client(address: address, helo: helo, sender: sender)
    }
  }
}

/// Does something with the configured name servers.
func withNames<Result>(
  _ configuration: Configuration, _ work: (any DNS) async throws -> Result
) async throws -> Result {
  let dns = DNSResolver(
    DNSResolver.Settings(configuration.dns), log: Logger(label: "resolver") { _ in SwiftLogNoOpLogHandler() })
  do {
    let result = try await work(dns)
    await dns.close()
    return result
  } catch {
    await dns.close()
    throw error
  }
}
