public import Platform

/// Fetches small documents over HTTPS: one GET, one connection, one answer.
///
/// The certificate must be valid and for the host. Redirects are answers like any other: nobody follows them here. Time and
/// size are bounded whatever the server does.
public struct HTTPSClient: Sendable {
  private let connector: Connector
  private let trust: ClientTrust
  /// 443, but for tests.
  let port: Int
  /// For connecting to one address and the handshake there: a dead one does not take the time of those behind it.
  var connectTimeLimit = Duration.seconds(10)

  public init(connector: Connector, trust: ClientTrust, port: Int = 443) {
    self.connector = connector
    self.trust = trust
    self.port = port
  }

  /// - Parameters:
  ///   - host: the server's name in ASCII; its certificate must be for it.
  ///   - path: from the slash on, as it is sent.
  ///   - addresses: of the host, tried in their order.
  ///   - limit: octets of the answer's body.
  ///   - time: for all of it.
  public func get(
    host: String, path: String, addresses: [IPAddress], limit: Int, within time: Duration
  ) async throws(HTTPError) -> HTTPResponse {
    let deadline = ContinuousClock.now + time
    var last = HTTPError(.unreachable, "\(host) has no address")
    for address in addresses {
      do throws(HTTPError) {
        let connection = try await connect(PeerAddress(address: address, port: port), host, deadline)
        return try await exchange(connection, host, path, limit, deadline)
      } catch {
        last = error
        // The others would say the same, or there is no time for them.
        if error.kind == .tooLarge || ContinuousClock.now >= deadline { break }
      }
    }
    throw last
  }

  private func left(_ deadline: ContinuousClock.Instant) throws(HTTPError) -> Duration {
    let left = ContinuousClock.now.duration(to: deadline)
    guard left > .zero else { throw HTTPError(.timedOut, "there was no answer in time") }
    return left
  }

  private func connect(
    _ target: PeerAddress, _ host: String, _ end: ContinuousClock.Instant
  ) async throws(HTTPError) -> Connection {
    let deadline = min(end, ContinuousClock.now + connectTimeLimit)
    let connection: Connection
    let limit = try left(deadline)
    do {
      connection = try await connector.connect(to: target, within: limit)
    } catch let error as ConnectError {
      throw HTTPError(error.kind == .timedOut ? .timedOut : .unreachable, error.description)
    } catch {
      throw HTTPError(.unreachable, "no connection to \(target): \(error)")
    }
    do {
      _ = try await connection.startTLS(
        ClientTLS(serverName: host, verification: .required, trust: trust, timeLimit: try left(deadline)))
      return connection
    } catch {
      connection.abort()
      await connection.close()
      // The handshake's own limit is what is left of the time for this address.
      if ContinuousClock.now.duration(to: deadline) < .milliseconds(5) {
        throw HTTPError(.timedOut, "there was no answer in time")
      }
      throw Self.words(error)
    }
  }

  private func exchange(
    _ connection: Connection, _ host: String, _ path: String, _ limit: Int, _ deadline: ContinuousClock.Instant
  ) async throws(HTTPError) -> HTTPResponse {
    let result: Result<HTTPResponse, any Error>
    do {
      let request = """
        GET \(path) HTTP/1.1\r
        Host: \(host)\r
        User-Agent: Postroom\r
        Accept: text/plain\r
        Accept-Encoding: identity\r
        Connection: close\r
        \r\n
        """
      try await connection.write(Array(request.utf8))
      var parser = HTTPResponseParser(limit: limit)
      while parser.finished == nil {
        if let bytes = try await connection.bytes(upTo: 16 * 1024, within: try left(deadline)) {
          try parser.receive(bytes.readableBytesView)
        } else {
          try parser.end()
        }
      }
      result = .success(parser.finished ?? HTTPResponse(status: 0, fields: [], body: []))
    } catch {
      result = .failure(error)
    }
    connection.abort()
    await connection.close()
    do {
      return try result.get()
    } catch {
      throw Self.words(error)
    }
  }

  private static func words(_ error: any Error) -> HTTPError {
    switch error {
    case let own as HTTPError: own
    case ConnectionError.untrusted(let fault, let reason): HTTPError(.certificate(fault), "TLS failed: \(reason)")
    case ConnectionError.tls(let reason): HTTPError(.tls, "TLS failed: \(reason)")
    case ConnectionError.timedOut: HTTPError(.timedOut, "there was no answer in time")
    default: HTTPError(.unreachable, "\(error)")
    }
  }
}
