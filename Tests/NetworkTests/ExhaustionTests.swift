import NIOCore
import Platform
import Testing

@testable import Network

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct ExhaustionTests {
  /// In a process of its own, because the limit is the process's.
  @Test func theLastDescriptorsAreNotForConnections() async {
    await #expect(processExitsWith: .success) {
      try await Loopback.serve({ $0.refusal = { Array("421 \($0)\r\n".utf8) } }, session: ListenerTests.greet) {
        server in
        try await server.connect { client in _ = try await client.text() }
        var limit = rlimit(rlim_cur: 256, rlim_max: 256)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let reserve = Int32(DescriptorLimit.reserve(of: 256))
        var held: [Int32] = []
        while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 {
          held.append(descriptor)
          if descriptor >= 256 - reserve - 2 { break }
        }
        for _ in 0..<20 {
          try await server.connect { client in
            let answer = try await client.text()
            #expect(answer == "421 total")
          }
        }
        for descriptor in held { close(descriptor) }
        try await server.connect { client in
          let answer = try await client.text()
          #expect(answer == "220 127.0.0.1")
        }
      }
    }
  }

  /// Without the pause the event loop would spin: the connection that could not be accepted keeps the socket readable.
  @Test func afterAFailedAcceptThereIsAPause() async throws {
    try await Loopback.serve(session: ListenerTests.greet) { server in
      try await server.connect { client in _ = try await client.text() }
      let channel = server.listener.channel
      channel.pipeline.fireErrorCaught(IOError(errnoCode: EMFILE, reason: "accept"))
      channel.pipeline.fireErrorCaught(IOError(errnoCode: EMFILE, reason: "accept"))
      #expect(try await channel.getOption(.autoRead).get() == false)
      try await server.connect { client in
        let greeting = try await client.text()
        #expect(greeting == "220 127.0.0.1")
      }
      #expect(try await channel.getOption(.autoRead).get() == true)
    }
  }
}
