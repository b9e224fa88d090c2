internal import Configuration
internal import Network
internal import Platform
internal import Resolver
internal import SMTP

#if canImport(Glibc)
  import Glibc
#endif

/// Opens sessions with the servers that a way out leads to: connects, greets, secures and authenticates as the way says.
///
///     way ──Router──▶ hosts ──policy──▶ addresses ──connect──▶ session
///                       └── none works: the fallback, if the way has one ──▶ …
struct Dialer: Sendable {
  /// For each address.
  static let connectTimeLimit = Duration.seconds(30)
  /// No address is tried any more when so much time has gone by for one session: other mail for the destination waits.
  static let totalTimeLimit = Duration.seconds(150)
  /// Addresses that are tried for one session.
  static let mostAddresses = 10

  let connector: Connector
  let trust: ClientTrust
  var router: Router
  var timeLimits = TimeLimits.standard

  init(connector: Connector, trust: ClientTrust, dns: any DNS) {
    self.connector = connector
    self.trust = trust
    router = Router(dns: dns, system: { try await connector.addresses(of: $0) })
  }

  /// - Throws: what stood in the way of the last address that was tried, or why there was none.
  func open(_ lane: Lane, _ configuration: Configuration) async throws(HostFailure) -> RemoteSession {
    switch lane.way {
    case .hop(let hop): return try await open(hop, configuration)
    case .direct(nil): return try await openDirect(lane.domain, configuration)
    case .direct(.some(let fallback)):
      do throws(HostFailure) {
        return try await openDirect(lane.domain, configuration)
      } catch {
        // What the DNS is sure of the provider cannot change.
        if error.isFinal { throw error }
        return try await open(fallback, configuration)
      }
    }
  }

  private func open(_ hop: Configuration.NextHop, _ configuration: Configuration) async throws(HostFailure)
    -> RemoteSession
  {
    let trip = Trip(
      destination: "\(hop.address)", hostname: configuration.hostname, hop: hop, credentials: try credentials(hop))
    return try await walk(router.itinerary(to: hop), trip)
  }

  private func openDirect(_ domain: String, _ configuration: Configuration) async throws(HostFailure) -> RemoteSession {
    let trip = Trip(destination: domain, hostname: configuration.hostname)
    return try await walk(try await router.itinerary(to: domain, configuration), trip)
  }

  /// What holds for every host of a way.
  private struct Trip: Sendable {
    /// The domain, or the host that the file names.
    let destination: String
    /// Our own name, for EHLO.
    let hostname: String
    var hop: Configuration.NextHop?
    var credentials: Credentials?
  }

  /// Tries one host after the other, and of each one address after the other.
  private func walk(_ itinerary: Itinerary, _ trip: Trip) async throws(HostFailure) -> RemoteSession {
    var itinerary = itinerary
    let end = ContinuousClock.now + Self.totalTimeLimit
    var left = Self.mostAddresses
    var last: HostFailure?
    while !Task.isCancelled, ContinuousClock.now < end, let reachable = await itinerary.next() {
      let policy: TransportPolicy
      do throws(HostFailure) {
        policy = try await transportPolicy(reachable, trip)
      } catch {
        last = error
        continue
      }
      for address in reachable.addresses {
        if Task.isCancelled || left == 0 || ContinuousClock.now >= end { break }
        left -= 1
        do throws(HostFailure) {
          return try await open(reachable.host, address, policy, trip)
        } catch {
          last = error
          guard error.mayTryOthers else { throw error }
        }
      }
      if Task.isCancelled || left == 0 || ContinuousClock.now >= end { break }
    }
    throw last ?? itinerary.failure(for: trip.destination)
  }

  /// What TLS with a host must be: the one place where that is decided.
  ///
  /// - Throws: if the host must be left alone now.
  private func transportPolicy(_ host: ReachableHost, _ trip: Trip) async throws(HostFailure) -> TransportPolicy {
    trip.hop.map { .configured($0.tls) } ?? .opportunistic
  }

  private func open(
    _ host: MailHost, _ address: IPAddress, _ policy: TransportPolicy, _ trip: Trip
  ) async throws(HostFailure) -> RemoteSession {
    do throws(HostFailure) {
      return try await connect(host, address, policy, trip)
    } catch {
      // `opportunistic` says that mail goes out rather than waits. A password never does.
      guard error.mayTryWithoutTLS, trip.credentials == nil else { throw error }
      var plain = policy
      plain.startTLS = .never
      return try await connect(host, address, plain, trip)
    }
  }

  private func connect(
    _ host: MailHost, _ address: IPAddress, _ policy: TransportPolicy, _ trip: Trip
  ) async throws(HostFailure) -> RemoteSession {
    let name = host.address == nil ? "\(host.host)[\(address)]:\(host.port)" : "\(host)"
    let tls = ClientTLS(serverName: host.host, verification: policy.verification, trust: trust)
    let connection: Connection
    do {
      connection = try await connector.connect(
        to: PeerAddress(address: address, port: host.port), within: Self.connectTimeLimit,
        tls: policy.isImplicit ? tls : nil)
    } catch let error as ConnectError where error.kind == .tls {
      throw .insecure(name, error.reason, mayTryWithoutTLS: false)
    } catch let error as ConnectError {
      throw .unreachable(name, error.reason)
    } catch {
      throw .unreachable(name, "\(error)")
    }
    var settings = ClientMachine.Settings(
      name: trip.hostname, tls: policy.startTLS, credentials: trip.credentials, nonce: Array(Base64Nonce.make().utf8))
    settings.prefersChunking = true
    settings.timeLimits = timeLimits
    return try await RemoteSession.open(connection, hop: name, settings: settings, tls: tls)
  }

  /// Reads the password anew for every session: a changed file needs no reload.
  private func credentials(_ hop: Configuration.NextHop) throws(HostFailure) -> Credentials? {
    guard let user = hop.user else { return nil }
    guard let path = hop.passwordFile else {
      throw .unauthenticated("\(hop.address)", "the route has a user and no password-file")
    }
    do {
      return Credentials(user: user, password: try PasswordFile.read(path))
    } catch {
      throw .unauthenticated("\(hop.address)", "\(error)")
    }
  }
}

/// SCRAM's nonce: printable, without a comma, never the same (RFC 5802 §5.1).
private enum Base64Nonce {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func make() -> String {
    String(decoding: randomBytes(24).map { alphabet[Int($0 & 63)] }, as: UTF8.self)
  }
}

/// The file that holds a smart host's password: its first line.
enum PasswordFile {
  struct Failure: Error, Hashable, Sendable, CustomStringConvertible { let description: String }

  private static let limit = 4096

  static func read(_ path: String) throws(Failure) -> String {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Failure(description: "the password file \(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = Glibc.read(descriptor, &bytes, limit)
    guard count >= 0 else {
      throw Failure(description: "the password file \(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    let line = bytes[..<count].prefix { $0 != 10 && $0 != 13 }
    guard !line.isEmpty, let password = String(validating: line, as: UTF8.self) else {
      throw Failure(description: "the first line of the password file \(path) is empty or not UTF-8")
    }
    return password
  }
}
