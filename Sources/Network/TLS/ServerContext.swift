internal import COpenSSL
internal import Synchronization

/// An OpenSSL context: one certificate and the rules of our side.
///
/// `@unchecked Sendable`: it is set up in its initialiser and not changed afterwards; OpenSSL's contexts may be used
/// from many threads then (they count their references themselves).
final class TLSContextPointer: @unchecked Sendable {
  let pointer: OpaquePointer

  init(_ method: OpaquePointer?) throws {
    guard let pointer = SSL_CTX_new(method) else {
      throw TLSError("OpenSSL could not make a context: \(takeOpenSSLErrors() ?? "out of memory")")
    }
    self.pointer = pointer
    // RFC 8996: nothing older than TLS 1.2.
    _ = postroom_SSL_CTX_set_min_proto_version(pointer, TLS1_2_VERSION)
    postroom_SSL_CTX_set_options(pointer)
    // Idle connections give their buffers back.
    _ = postroom_SSL_CTX_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
    // For TLS 1.2: forward secrecy, and authenticated encryption first.
    SSL_CTX_set_cipher_list(
      pointer, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:!aNULL:!eNULL")
  }

  deinit { SSL_CTX_free(pointer) }
}

/// The certificates of a server at one moment: immutable, swapped as a whole.
final class ServerContextSet: Sendable {
  /// For clients that ask for no name, or for one that no certificate has.
  let fallback: TLSContextPointer
  private let exact: [String: TLSContextPointer]
  /// By the part after `*.`.
  private let wildcards: [String: TLSContextPointer]

  init(_ identities: [TLSIdentity]) throws {
    guard let first = identities.first else { throw TLSError("no certificate was given") }
    var exact: [String: TLSContextPointer] = [:]
    var wildcards: [String: TLSContextPointer] = [:]
    func add(_ identity: TLSIdentity) throws -> TLSContextPointer {
      let context = try Self.makeContext(identity.certificate)
      for name in identity.names {
        if name.hasPrefix("*.") {
          wildcards[String(name.dropFirst(2))] = wildcards[String(name.dropFirst(2))] ?? context
        } else {
          exact[name] = exact[name] ?? context
        }
      }
      return context
    }
    fallback = try add(first)
    for identity in identities.dropFirst() { _ = try add(identity) }
    self.exact = exact
    self.wildcards = wildcards
  }

  /// The context for a name that a client asks for. A wildcard stands for one whole label (RFC 6125).
  func context(for name: String) -> TLSContextPointer {
    let name = name.lowercased()
    if let context = exact[name] { return context }
    guard let dot = name.firstIndex(of: ".") else { return fallback }
    return wildcards[String(name[name.index(after: dot)...])] ?? fallback
  }

  private static func makeContext(_ certificate: Certificate) throws -> TLSContextPointer {
    let context = try TLSContextPointer(TLS_server_method())
    try certificate.install(in: context)
    // Tickets carry the session; nothing is kept here that strangers could make grow.
    _ = postroom_SSL_CTX_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_OFF))
    _ = postroom_SSL_CTX_set_dh_auto(context.pointer, 1)
    _ = postroom_SSL_CTX_set_servername_callback(context.pointer) { ssl, _, _ in
      guard let ssl, let data = postroom_SSL_get_app_data(ssl) else { return SSL_TLSEXT_ERR_NOACK }
      guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return SSL_TLSEXT_ERR_NOACK }
      let set = Unmanaged<ServerContextSet>.fromOpaque(data).takeUnretainedValue()
      SSL_set_SSL_CTX(ssl, set.context(for: String(cString: name)).pointer)
      return SSL_TLSEXT_ERR_OK
    }
    return context
  }
}

/// A certificate, and the names for which it is shown.
public struct TLSIdentity: Sendable {
  public var certificate: Certificate
  /// In lower case; `*.example.com` stands for one more label.
  public var names: [String]

  /// - Parameter names: `nil` for those that stand in the certificate.
  public init(_ certificate: Certificate, names: [String]? = nil) {
    self.certificate = certificate
    self.names = names.map { $0.map { $0.lowercased() } } ?? certificate.facts.names
  }
}

/// The certificates that a server shows, by the name that the client asks for (SNI). They can be changed while
/// connections live: those keep what they began with.
public final class TLSContexts: Sendable {
  private let current: Mutex<ServerContextSet>

  /// - Parameter identities: the first one also serves clients that ask for no name or for an unknown one. Where two have
  ///   one name the earlier one is shown.
  /// - Throws: ``TLSError`` if there is none, or if OpenSSL refuses one.
  public init(_ identities: [TLSIdentity]) throws {
    current = Mutex(try ServerContextSet(identities))
  }

  public convenience init(_ certificates: [Certificate]) throws {
    try self.init(certificates.map { TLSIdentity($0) })
  }

  /// Makes ready to put other certificates in place of the present ones, all at once. If one is refused it throws, and
  /// nothing changes before the returned closure is called.
  public func prepare(_ identities: [TLSIdentity]) throws -> @Sendable () -> Void {
    let set = try ServerContextSet(identities)
    return { self.current.withLock { $0 = set } }
  }

  /// ``prepare(_:)``, done at once.
  public func replace(with certificates: [Certificate]) throws {
    try prepare(certificates.map { TLSIdentity($0) })()
  }

  var now: ServerContextSet { current.withLock { $0 } }
}
