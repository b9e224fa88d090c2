import Administration
import ArgumentParser
import Configuration
import Logging
import MailAuthentication
import Message
import Platform
import Relay
import Resolver

/// A message as a file has it.
struct MessageFile {
  let header: HeaderSection
  let body: [UInt8]

  /// Reads a file, or standard input for `-`. Line ends become CRLF, as they are on the wire.
  init(_ path: String) throws {
    guard let bytes = readWholeFile(path == "-" ? "/dev/stdin" : path) else {
      throw CommandFailure("cannot read \(path): name a file with a message, or - for standard input")
    }
    var message: [UInt8] = []
    message.reserveCapacity(bytes.count + bytes.count / 32)
    var previous: UInt8 = 0
    for byte in bytes {
      if byte == 10, previous != 13 { message.append(13) }
      message.append(byte)
      previous = byte
    }
    header = HeaderSection(message)
    body = Array(message[header.bytes.count...])
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
