internal import SMTP

/// What a message and its envelope ask of the server that takes them.
struct MessageNeeds: Hashable, Sendable {
  /// Octets above 127 in the body: 8BITMIME (RFC 6152).
  var eightBitBody: Bool
  /// An address or a header beyond ASCII: SMTPUTF8 (RFC 6531 §3.4).
  var internationalized: Bool
  /// Bytes on the wire, without the doubling of dots.
  var size: Int

  /// Why a server never gets the message.
  struct Obstacle: Hashable, Sendable {
    let status: EnhancedCode
    let sentence: String
  }

  /// What keeps the message from a server with these extensions; `nil`: it may go.
  ///
  /// - 5.6.3: conversion required but not supported; the body has 8-bit octets and the server no 8BITMIME (RFC 1652 §3
  ///   leaves converting or returning; a conversion would break signatures, so it is returned).
  /// - 5.6.7: addresses or header need SMTPUTF8 (RFC 6531 §3.2).
  /// - 5.3.4: larger than the server takes (RFC 1870 §7: nothing needs to be sent to learn that).
  func obstacle(at server: ServerExtensions) -> Obstacle? {
    if internationalized, !server.smtputf8 {
      return Obstacle(
        status: EnhancedCode(5, 6, 7),
        sentence: "The message has addresses or header fields beyond ASCII, and the next server does not take these")
    }
    if eightBitBody, !server.eightBitMIME {
      return Obstacle(
        status: EnhancedCode(5, 6, 3),
        sentence: "The message has 8-bit text, and the next server takes 7-bit text only")
    }
    if let limit = server.sizeLimit, limit > 0, size > limit {
      return Obstacle(
        status: EnhancedCode(5, 3, 4),
        sentence: "The message has \(size) bytes, and the next server takes at most \(limit)")
    }
    return nil
  }
}

/// What a server announced in its answer to EHLO, as far as it matters here.
struct ServerExtensions: Hashable, Sendable {
  var eightBitMIME = false
  var smtputf8 = false
  var dsn = false
  var pipelining = false
  var chunking = false
  var startTLS = false
  /// SIZE was announced.
  var size = false
  /// Its value; 0 or none is no fixed limit (RFC 1870 §4).
  var sizeLimit: Int?
  /// The mechanisms behind AUTH.
  var authentication: [String] = []
}
