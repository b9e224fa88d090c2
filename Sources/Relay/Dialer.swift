internal import Configuration
internal import Network
internal import Platform
internal import SMTP

#if canImport(Glibc)
  import Glibc
#endif

/// Opens sessions with next hops: connects, greets, secures and authenticates as the route says.
struct Dialer: Sendable {
  /// For looking up the name, and for each of its addresses.
  static let connectTimeLimit = Duration.seconds(30)

  let connector: Connector
  let trust: ClientTrust
  var timeLimits = TimeLimits.standard

  /// - Parameter hostname: our own name, for EHLO.
  func open(_ hop: Configuration.NextHop, hostname: String) async throws(HostFailure) -> RemoteSession {
    let credentials = try credentials(hop)
    do throws(HostFailure) {
      return try await open(hop, hostname, credentials, policy: hop.tls.policy)
    } catch  where error.mayTryWithoutTLS && credentials == nil {
      // RFC 3207 §6 leaves it to us; `opportunistic` says that mail goes out rather than waits. A password never does.
      return try await open(hop, hostname, nil, policy: .never)
    }
  }

  private func open(
    _ hop: Configuration.NextHop, _ hostname: String, _ credentials: Credentials?, policy: ClientMachine.TLSPolicy
  ) async throws(HostFailure) -> RemoteSession {
    let name = "\(hop.address)"
    let tls = ClientTLS(
      serverName: hop.address.host, verification: hop.tls.isVerified ? .required : .none, trust: trust)
    let connection: Connection
    do {
      connection = try await connector.connect(
        to: hop.address, within: Self.connectTimeLimit, tls: hop.tls == .implicit ? tls : nil)
    } catch let error as ConnectError where error.kind == .tls {
      throw .insecure(name, error.reason, mayTryWithoutTLS: false)
    } catch let error as ConnectError {
      throw .unreachable(name, error.reason)
    } catch {
      throw .unreachable(name, "\(error)")
    }
    var settings = ClientMachine.Settings(
      name: hostname, tls: policy, credentials: credentials, nonce: Array(Base64Nonce.make().utf8))
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

extension Configuration.NextHop.TLSMode {
  /// How STARTTLS is used. With `implicit` the connection has TLS already.
  fileprivate var policy: ClientMachine.TLSPolicy {
    switch self {
    case .off, .implicit: .never
    case .opportunistic: .opportunistic
    case .encrypted, .verified: .required
    }
  }

  fileprivate var isVerified: Bool { self == .verified || self == .implicit }
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
