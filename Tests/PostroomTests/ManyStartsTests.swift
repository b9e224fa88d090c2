import Configuration
import Network
import Platform
import Postroom
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct ManyStartsTests {
  /// In a process of its own, because descriptors, threads and memory are the process's.
  @Test func fiftyStartsAndStopsLeaveNothingBehind() async {
    await #expect(processExitsWith: .success) {
      let office = try Office()
      var options = Appliance.Options()
      options.grace = .milliseconds(500)
      func cycle() async throws {
        try await office.run(options: options) { appliance in
          let client = try await Client.connect(appliance, .smtp)
          _ = try await client.reply()
          _ = try await client.ask("EHLO a")
          _ = try await client.startTLSForTest()
          await client.close()
        }
      }
      // What is made once: the runtime's threads, OpenSSL's tables, the allocator's arenas.
      for _ in 0..<10 { try await cycle() }
      let before = Footprint.now
      for _ in 0..<50 { try await cycle() }
      // Threads and connections that were told to end do so in their own time.
      var after = Footprint.now
      for _ in 0..<3000 where after.descriptors > before.descriptors || after.threads > before.threads {
        try await Task.sleep(for: .milliseconds(10))
        after = Footprint.now
      }
      #expect(after.descriptors <= before.descriptors, "descriptors: \(before) → \(after)")
      #expect(after.threads <= before.threads, "threads: \(before) → \(after): \(Footprint.threadNames)")
      // 50 × 200 KiB would be 10 MiB.
      #expect(after.kilobytes < before.kilobytes + 6 * 1024, "memory: \(before) → \(after)")
    }
  }
}

extension Connection {
  func startTLSForTest() async throws {
    guard try await ask("STARTTLS").hasPrefix("220") else { return }
    _ = try await startTLS(ClientTLS(serverName: nil, verification: .none, trust: ClientTrust()))
    _ = try await ask("EHLO a")
  }
}

/// What a process holds.
struct Footprint {
  var descriptors: Int
  var threads: Int
  /// Resident memory.
  var kilobytes: Int

  static var now: Footprint {
    giveBackFreeMemory()
    return Footprint(
      descriptors: entries("/proc/self/fd"), threads: entries("/proc/self/task"), kilobytes: residentKilobytes)
  }

  /// The names of all threads, to tell which are left.
  static var threadNames: String {
    guard let folder = opendir("/proc/self/task") else { return "" }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let number = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard let file = fopen("/proc/self/task/\(number)/comm", "r") else { continue }
      defer { fclose(file) }
      var text = [CChar](repeating: 0, count: 64)
      fgets(&text, 64, file)
      names.append(String(decoding: text.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return names.sorted().joined(separator: " ")
  }

  /// malloc_trim(3), which Swift's Glibc does not show.
  private static func giveBackFreeMemory() {
    typealias Trim = @convention(c) (Int) -> Int32
    guard let symbol = dlsym(nil, "malloc_trim") else { return }
    _ = unsafeBitCast(symbol, to: Trim.self)(0)
  }

  private static func entries(_ path: String) -> Int {
    guard let folder = opendir(path) else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
  }

  private static var residentKilobytes: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return -1 }
    defer { fclose(file) }
    var text = [CChar](repeating: 0, count: 256)
    fgets(&text, 256, file)
    let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
      separator: " ")
    return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * 4
  }
}
