import NIOCore
import NIOPosix
import Platform
import Synchronization
import Testing

@testable import Network

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
  /// Holds connections open until told.
  @Sendable static func greet(_ connection: Connection) async throws {
    try await connection.write("220 \(connection.peer?.address.description ?? "?")\r\n")
    while try await connection.line(limit: 100, within: patience) != nil {}
  }

  @Test(arguments: [true, false]) func aSessionRunsOnItsConnectionsLoopWhereAskedFor(_ wanted: Bool) async throws {
    try await Loopback.serve({ $0.sessionsOnLoops = wanted }) { connection in
      // Also behind a wait, and in what a session calls and starts as its child.
      while try await connection.line(limit: 100, within: patience) != nil {
        async let inChild = connection.eventLoop.inEventLoop
        try await connection.write("\(connection.eventLoop.inEventLoop) \(await inChild)\r\n")
      }
    } _: { server in
      try await server.connect { client in
        for _ in 0..<3 {
          try await client.write("?\r\n")
          #expect(try await client.text() == "\(wanted) \(wanted)")
        }
      }
    }
  }

  @Test func theTotalIsLimitedAndFreedAgain() async throws {
    try await Loopback.serve(
      {
        $0.limits = ConnectionLimits(.init(total: 2, perPeer: 10))
        $0.refusal = { Array("421 4.7.0 too many connections (\($0))\r\n".utf8) }
      }, session: Self.greet
    ) { server in
      let first = try await server.connect()
      #expect(try await first.text() == "220 127.0.0.1")
      let second = try await server.connect()
      #expect(try await second.text() == "220 127.0.0.1")
      let third = try await server.connect()
      #expect(try await third.text() == "421 4.7.0 too many connections (total)")
      #expect(try await third.text() == nil)
      await third.close()
      await first.close()
      while server.listener.options.limits.count > 1 { try await Task.sleep(for: .milliseconds(1)) }
      let fourth = try await server.connect()
      #expect(try await fourth.text() == "220 127.0.0.1")
      await fourth.close()
      await second.close()
    }
  }

  @Test func eachNeighbourhoodHasAShare() async throws {
    try await Loopback.serve(
      {
        $0.limits = ConnectionLimits(.init(total: 100, perPeer: 2))
        $0.refusal = { Array("421 \($0)\r\n".utf8) }
      }, session: Self.greet
    ) { server in
      let target = HostPort(host: "127.0.0.1", port: server.port)
      var held: [Connection] = []
      // 127.0.0.0/24 is one neighbourhood, 127.0.9.0/24 another.
      for (source, expected) in [
        ("127.0.0.2", "220 127.0.0.2"), ("127.0.0.3", "220 127.0.0.3"), ("127.0.0.4", "421 perPeer"),
        ("127.0.9.1", "220 127.0.9.1"),
      ] {
        let connection = try await server.connector.connect(to: target, source: IPAddress(source))
        #expect(try await connection.text() == expected)
        held.append(connection)
      }
      for connection in held { await connection.close() }
    }
  }

  @Test func aPartHasBoundsOfItsOwnWithinTheWhole() throws {
    let whole = ConnectionLimits(.init(total: 3, perPeer: 2))
    let part = ConnectionLimits(.init(total: 2, perPeer: 99), within: whole)
    #expect(part.enter() && part.enter() && !part.enter())
    #expect(whole.enter() && !whole.enter())
    part.leave()
    // A place in the part is none in the whole, as long as that is full.
    #expect(whole.enter() && !part.enter() && part.count == 1)
    whole.leave()
    #expect(part.enter())
    let peer = try #require(IPAddress("192.0.2.1"))
    let network = try #require(part.enter(peer))
    #expect(whole.enter(peer) != nil && part.enter(peer) == nil)
    part.leave(network)
    #expect(part.enter(peer) != nil)
  }

  @Test func theProxysClientIsThePeer() async throws {
    try await Loopback.serve({
      $0.proxies = { [IPNetwork("127.0.0.0/30")].compactMap { $0 } }
    }) { connection in
      let line = try await connection.line(limit: 100, within: patience)
      let text = String(decoding: line?.bytes ?? [], as: UTF8.self)
      try await connection.write("\(connection.peer.map { "\($0)" } ?? "?") \(text)\r\n")
    } _: { server in
      for (name, header, outcome) in ProxyHeaderTests.good {
        let client = try await server.connect()
        try await client.write(header + Array("EHLO x\r\n".utf8))
        let answer = try await client.text()
        guard case .header(let parsed) = outcome else { continue }
        let own = try #require(client.local)
        let expected = "\(parsed.source ?? own)"
        #expect(answer == "\(expected) EHLO x", "\(name)")
        await client.close()
      }
    }
  }

  @Test func theProxysHeaderMayComeByteByByteAndBeforeTLS() async throws {
    try await Loopback.serve({
      $0.proxies = { [IPNetwork("127.0.0.1")].compactMap { $0 } }
      $0.implicitTLS = try? TLSContexts([certificate("a.example")])
    }) { connection in
      try await connection.write("\(connection.peer.map { "\($0)" } ?? "?")\r\n")
    } _: { server in
      let client = try await server.connect()
      for byte in ProxyHeaderTests.six {
        try await client.write([byte])
        try await client.drain()
      }
      _ = try await client.startTLS(TLSTests.client(nil))
      #expect(try await client.text() == "[2001:db8::9]:65535")
      await client.close()
    }
  }

  /// Nobody but a configured proxy can say whose connection it is, and a proxy must say it.
  @Test func forgedAndMissingHeaders() async throws {
    let sessions = Mutex(0)
    try await Loopback.serve({
      $0.proxies = { [IPNetwork("127.0.0.1")].compactMap { $0 } }
    }) { connection in
      sessions.withLock { $0 += 1 }
      let line = try await connection.line(limit: 100, within: patience)
      let text = String(decoding: line?.bytes ?? [], as: UTF8.self)
      try await connection.write("\(connection.peer?.address.description ?? "?") said \(text)\r\n")
    } _: { server in
      let target = HostPort(host: "127.0.0.1", port: server.port)
      // From elsewhere the header is just a line that the session does not understand.
      let stranger = try await server.connector.connect(to: target, source: IPAddress("127.0.0.2"))
      try await stranger.write("PROXY TCP4 192.0.2.7 198.51.100.1 4660 25\r\n")
      #expect(try await stranger.text() == "127.0.0.2 said PROXY TCP4 192.0.2.7 198.51.100.1 4660 25")
      await stranger.close()
      // From the proxy's address nothing happens without one.
      for bytes in ["EHLO x\r\n", "PROXY TCP4 nonsense\r\n"] {
        let client = try await server.connect()
        try await client.write(bytes)
        let answer = try? await client.text()
        #expect(answer == nil)
        await client.close()
      }
    }
    #expect(sessions.withLock { $0 } == 1)
  }

  @Test func anInheritedDescriptorIsServed() async throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    #expect(bound == 0 && listen(descriptor, 10) == 0)
    var before = stat()
    #expect(fstat(descriptor, &before) == 0)
    let listener = try await Listener.bind(
      .inherited(descriptor: descriptor),
      ListenerOptions(name: "smtp", limits: ConnectionLimits(.init())), on: Loopback.group)
    let port = try #require(listener.address?.port)
    async let run: Void = listener.run { try? await Self.greet($0) }
    let connector = Connector(on: Loopback.group, resolverThreads: 1)
    let client = try await connector.connect(to: HostPort(host: "127.0.0.1", port: port))
    #expect(try await client.text() == "220 127.0.0.1")
    await client.close()
    listener.beginShutdown()
    await run
    await connector.shutDown()
    // The number may be in use again by now, but not for this socket.
    var after = stat()
    #expect(fstat(descriptor, &after) != 0 || after.st_ino != before.st_ino)
  }

  @Test func anAddressInUseIsASentence() async throws {
    try await Loopback.serve(session: Self.greet) { server in
      let options = ListenerOptions(name: "smtp", limits: ConnectionLimits(.init()))
      let error = await #expect(throws: ListenerError.self) {
        _ = try await Listener.bind(
          .tcp(HostPort(host: "127.0.0.1", port: server.port)), options, on: Loopback.group)
      }
      #expect(error?.description.hasPrefix("smtp cannot listen on 127.0.0.1:\(server.port): ") == true)
    }
  }

  @Test func localSocketsKnowTheirPeer() async throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/control"
    let options = ListenerOptions(name: "control", limits: ConnectionLimits(.init()))
    let connector = Connector(on: Loopback.group, resolverThreads: 1)
    // Twice: the second one takes the place of what the first left behind.
    for _ in 0..<2 {
      let listener = try await Listener.bind(.unix(path: path, permissions: 0o660), options, on: Loopback.group)
      var status = stat()
      #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
      async let run: Void = listener.run { connection in
        let credentials = await connection.peerCredentials()
        try? await connection.write("\(credentials?.process ?? 0) \(credentials?.user ?? 99)\r\n")
      }
      let client = try await connector.connect(toLocal: path)
      #expect(try await client.text() == "\(getpid()) \(getuid())")
      await client.close()
      // A living one is not pushed aside.
      await #expect(throws: ListenerError.self) {
        _ = try await Listener.bind(.unix(path: path, permissions: 0o660), options, on: Loopback.group)
      }
      listener.beginShutdown()
      await run
    }
    await connector.shutDown()
  }

  @Test func cancellingClosesEverything() async throws {
    let limits = ConnectionLimits(.init())
    let listener = try await Listener.bind(
      .tcp(HostPort(host: "127.0.0.1", port: 0)), ListenerOptions(name: "t", limits: limits), on: Loopback.group)
    let task = Task { await listener.run { try? await Self.greet($0) } }
    let connector = Connector(on: Loopback.group, resolverThreads: 1)
    var clients: [Connection] = []
    for _ in 0..<10 {
      clients.append(
        try await connector.connect(to: HostPort(host: "127.0.0.1", port: listener.address?.port ?? 0)))
    }
    #expect(try await clients[0].text() == "220 127.0.0.1")
    task.cancel()
    await task.value
    for client in clients {
      _ = try? await client.rest()
      #expect(client.isPeerGone)
      await client.close()
    }
    while limits.count > 0 { try await Task.sleep(for: .milliseconds(1)) }
    await connector.shutDown()
  }

  @Test func aDeadTargetIsToldInASentence() async throws {
    let connector = Connector(on: Loopback.group, resolverThreads: 1)
    let closed = try await Listener.bind(
      .tcp(HostPort(host: "127.0.0.1", port: 0)),
      ListenerOptions(name: "t", limits: ConnectionLimits(.init())), on: Loopback.group)
    let port = closed.address?.port ?? 0
    await closed.close()
    let refused = await #expect(throws: ConnectError.self) {
      _ = try await connector.connect(to: HostPort(host: "127.0.0.1", port: port))
    }
    #expect(refused?.kind == .unreachable)
    #expect(refused?.description == "no connection to 127.0.0.1:\(port): Connection refused")
    let nowhere = await #expect(throws: ConnectError.self) {
      _ = try await connector.connect(to: HostPort(host: "no-such-host.invalid", port: 25))
    }
    #expect(nowhere?.kind == .noSuchHost || nowhere?.kind == .resolutionFailed)
    #expect(try await connector.addresses(of: "localhost").contains { $0.isLoopback })
    await connector.shutDown()
  }
}
