internal import CUnbound
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// Something of the settings that libunbound does not take.
struct UnboundError: Error, CustomStringConvertible { let description: String }

/// A libunbound context, as the settings want it. Belongs to the thread that made it.
struct UnboundContext: ~Copyable {
  /// Debian's package `dns-root-data` keeps the root's keys up to date here.
  private static let rootKeyFile = "/usr/share/dns/root.key"
  /// The root's keys of 2017 and 2024, as IANA publishes them (https://data.iana.org/root-anchors/root-anchors.xml).
  private static let rootKeys = [
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
  ]
  /// libunbound as a library is set for a program that asks little. A relay asks for thousands of names, of which some
  /// have servers that never answer: they must not use up what the others need.
  private static let options = [
    ("msg-cache-size:", "8m"), ("rrset-cache-size:", "16m"), ("outgoing-range:", "256"), ("outgoing-num-tcp:", "16"),
    ("num-queries-per-thread:", "1024"),
  ]

  let pointer: OpaquePointer

  init(_ settings: DNSResolver.Settings) throws(UnboundError) { pointer = try Self.make(settings) }

  private static func make(_ settings: DNSResolver.Settings) throws(UnboundError) -> OpaquePointer {
    guard let made = ub_ctx_create() else { throw UnboundError(description: "there is no memory, or no randomness") }
    do throws(UnboundError) {
      // Its own words would go to standard error, among those of the command line.
      try check(ub_ctx_debugout(made, nil), "silence")
      for (name, value) in options { try check(ub_ctx_set_option(made, name, value), "\(name) \(value)") }
      try anchor(made, settings)
      try point(made, settings.source)
      // A thread of libunbound's own does the work; ours waits for its answers on a descriptor.
      try check(ub_ctx_async(made, 1), "a thread")
      // Whom we ask knows best what is under `test`. This finalises the context, so it comes last.
      if settings.source != .recursive { try check(ub_ctx_zone_remove(made, "test."), "the zone test") }
      return made
    } catch {
      ub_ctx_delete(made)
      throw error
    }
  }

  deinit { ub_ctx_delete(pointer) }

  /// Becomes readable when there are answers.
  var descriptor: Int32 { ub_fd(pointer) }

  private static func anchor(_ context: OpaquePointer, _ settings: DNSResolver.Settings) throws(UnboundError) {
    var isGiven = false
    if let file = settings.trustAnchorFile {
      // libunbound reads it with the first question, and tells nobody but its log what it did not like.
      guard access(file, R_OK) == 0 else {
        throw UnboundError(
          description: "the trust anchors in \(file) cannot be read: \(String(cString: strerror(errno)))")
      }
      try check(ub_ctx_add_ta_file(context, file), "the trust anchors in \(file)")
      isGiven = true
    }
    for anchor in settings.trustAnchors {
      try check(ub_ctx_add_ta(context, anchor), "the trust anchor \(anchor)")
      isGiven = true
    }
    if isGiven { return }
    if access(rootKeyFile, R_OK) == 0, ub_ctx_add_ta_file(context, rootKeyFile) == UB_NOERROR.rawValue { return }
    for key in rootKeys { try check(ub_ctx_add_ta(context, key), "the root's key") }
  }

  private static func point(_ context: OpaquePointer, _ source: DNSResolver.Source) throws(UnboundError) {
    // Whom the file names may be here. From the root on strangers' zones name the servers, and none of them leads to this
    // machine; libunbound as a library would follow.
    let local = source == .recursive ? "yes" : "no"
    try check(ub_ctx_set_option(context, "do-not-query-localhost:", local), "do-not-query-localhost")
    if source == .recursive { return }
    // The reverse zones of private networks are empty by default; those who know them are to be asked, and do not sign.
    try check(ub_ctx_set_option(context, "unblock-lan-zones:", "yes"), "unblock-lan-zones")
    try check(ub_ctx_set_option(context, "insecure-lan-zones:", "yes"), "insecure-lan-zones")
    switch source {
    case .recursive: break
    case .system: try check(ub_ctx_resolvconf(context, nil), "/etc/resolv.conf")
    case .servers(let servers):
      for server in servers {
        try check(ub_ctx_set_fwd(context, "\(server.host)@\(server.port)"), "the server \(server)")
      }
    }
  }

  private static func check(_ code: Int32, _ what: String) throws(UnboundError) {
    guard code != UB_NOERROR.rawValue else { return }
    throw UnboundError(description: "\(what): \(String(cString: ub_strerror(code)))")
  }
}
