internal import Configuration
internal import MailFlow
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
  var security: TransportSecurity

  init(connector: Connector, trust: ClientTrust, dns: any DNS) {
    self.connector = connector
    self.trust = trust
    security = TransportSecurity(tlsa: TLSALookup(dns: dns, trust: trust))
    router = Router(dns: dns, system: { try await connector.addresses(of: $0) })
  }

  /// - Throws: what stood in the way of the last address that was tried, or why there was none.
  func open(_ lane: Lane, _ configuration: Configuration) async throws(HostFailure) -> RemoteSession {
    switch lane.way {
    case .hop(let hop): return try await open(hop, lane, configuration)
    case .direct(nil): return try await openDirect(lane, configuration)
    case .direct(.some(let fallback)):
      do throws(HostFailure) {
        return try await openDirect(lane, configuration)
      } catch {
        // What the DNS is sure of the provider cannot change; and what is not safe enough waits, for he may not ask for as
        // much.
        if error.isFinal || error.obstacle != nil { throw error }
        return try await open(fallback, lane, configuration)
      }
    }
  }

  private func open(
    _ hop: Configuration.NextHop, _ lane: Lane, _ configuration: Configuration
  ) async throws(HostFailure) -> RemoteSession {
    let trip = Trip(
      destination: "\(hop.address)", hostname: configuration.hostname, wish: lane.wish, hop: hop,
      credentials: try credentials(hop))
    return try await walk(router.itinerary(to: hop), trip)
  }

  private func openDirect(_ lane: Lane, _ configuration: Configuration) async throws(HostFailure) -> RemoteSession {
    let trip = Trip(
      destination: lane.domain, hostname: configuration.hostname, wish: lane.wish,
      mode: configuration.tlsMode(for: lane.domain))
    return try await walk(try await router.itinerary(to: lane.domain, configuration), trip)
  }

  /// What holds for every host of a way.
  private struct Trip: Sendable {
    /// The domain, or the host that the file names.
    let destination: String
    /// Our own name, for EHLO.
    let hostname: String
    /// What the sender wants of TLS.
    let wish: TransportWish
    /// What the file wants of TLS with the domain's own servers.
    var mode = Configuration.TLSPolicy.Mode.automatic
    var hop: Configuration.NextHop?
    var credentials: Credentials?
  }

  /// What holds for one host.
  private struct Terms: Sendable {
    var policy: TransportPolicy
    /// What the policy rests on; `nil`: on the file alone, which names the host.
    var facts: SecurityFacts?
  }

  /// Tries one host after the other, and of each one address after the other.
  private func walk(_ itinerary: Itinerary, _ trip: Trip) async throws(HostFailure) -> RemoteSession {
    var itinerary = itinerary
    let end = ContinuousClock.now + Self.totalTimeLimit
    var left = Self.mostAddresses
    var setbacks = Setbacks(destination: trip.destination, wish: trip.wish)
    func isLate() -> Bool { Task.isCancelled || ContinuousClock.now >= end }
    hosts: while true {
      if isLate() {
        setbacks.breakOff()
        break
      }
      guard let reachable = await itinerary.next() else { break }
      let terms: Terms
      do throws(HostFailure) {
        terms = try await self.terms(reachable, trip)
      } catch {
        setbacks.add(error, at: reachable.host.host)
        continue
      }
      for address in reachable.addresses {
        if isLate() || left == 0 {
          setbacks.breakOff()
          break hosts
        }
        left -= 1
        do throws(HostFailure) {
          return try await open(reachable.host, address, terms, trip)
        } catch {
          setbacks.add(error, at: reachable.host.host)
          guard error.mayTryOthers else { throw error }
        }
      }
    }
    throw setbacks.failure(itinerary)
  }

  /// What TLS with a host must be: the one place where that is asked. ``SecurityDecision`` decides it for a domain's own
  /// servers.
  ///
  /// - Throws: if the host must be left alone now.
  private func terms(_ reachable: ReachableHost, _ trip: Trip) async throws(HostFailure) -> Terms {
    if let hop = trip.hop {
      guard trip.wish == .required else { return Terms(policy: .configured(hop.tls)) }
      guard let policy = TransportPolicy.requireTLS(hop.tls) else {
        throw .insecure("\(reachable.host)", SecurityObstacle(.encryption, "appliance.conf forbids TLS with it"))
      }
      return Terms(policy: policy)
    }
    let facts = await security.facts(reachable, domain: trip.destination, wish: trip.wish, mode: trip.mode)
    switch SecurityDecision(facts) {
    case .use(let wanted): return Terms(policy: TransportPolicy(wanted), facts: facts)
    case .skip(let obstacle), .unfit(let obstacle):
      security.account?.note(facts, address: nil, tls: nil, obstacle: obstacle)
      throw .insecure("\(reachable.host)", obstacle)
    }
  }

  private func open(
    _ host: MailHost, _ address: IPAddress, _ terms: Terms, _ trip: Trip
  ) async throws(HostFailure) -> RemoteSession {
    var obstacle: SecurityObstacle?
    do throws(HostFailure) {
      let session: RemoteSession
      do throws(HostFailure) {
        session = try await connect(host, address, terms.policy, trip)
      } catch {
        // `opportunistic` says that mail goes out rather than waits. A password never does.
        guard error.mayTryWithoutTLS, trip.credentials == nil else { throw error }
        obstacle = error.obstacle
        var plain = terms.policy
        plain.startTLS = .never
        session = try await connect(host, address, plain, trip)
      }
      note(terms, address, session.connection.tls, obstacle)
      return session
    } catch {
      if let obstacle = error.obstacle ?? obstacle { note(terms, address, nil, obstacle) }
      throw error
    }
  }

  private func note(_ terms: Terms, _ address: IPAddress, _ tls: TLSSession?, _ obstacle: SecurityObstacle?) {
    guard let facts = terms.facts else { return }
    security.account?.note(facts, address: address, tls: tls, obstacle: obstacle)
  }

  private func connect(
    _ host: MailHost, _ address: IPAddress, _ policy: TransportPolicy, _ trip: Trip
  ) async throws(HostFailure) -> RemoteSession {
    let name = host.address == nil ? "\(host.host)[\(address)]:\(host.port)" : "\(host)"
    let tls = ClientTLS(serverName: policy.serverName ?? host.host, verification: policy.verification, trust: trust)
    let connection: Connection
    do {
      connection = try await connector.connect(
        to: PeerAddress(address: address, port: host.port), within: Self.connectTimeLimit,
        tls: policy.isImplicit ? tls : nil)
    } catch let error as ConnectError where error.kind == .tls {
      throw .insecure(name, SecurityObstacle(.handshake, error.reason), because: policy.because)
    } catch let error as ConnectError {
      throw .unreachable(name, error.reason)
    } catch {
      throw .unreachable(name, "\(error)")
    }
    var settings = ClientMachine.Settings(
      name: trip.hostname, tls: policy.startTLS, credentials: trip.credentials, nonce: Array(Base64Nonce.make().utf8))
    settings.prefersChunking = true
    settings.timeLimits = timeLimits
    settings.demandsRequireTLS = policy.demandsRequireTLS
    do throws(HostFailure) {
      return try await RemoteSession.open(connection, hop: name, settings: settings, tls: tls)
    } catch {
      guard let obstacle = error.obstacle, let because = policy.because else { throw error }
      throw .insecure(name, obstacle, because: because, mayTryWithoutTLS: error.mayTryWithoutTLS)
    }
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
