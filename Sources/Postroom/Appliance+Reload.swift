public import Configuration
internal import Network
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

extension Appliance {
  /// Reads the configuration file again and puts it into force. All or nothing: with a problem in it, in a certificate, or
  /// with a socket, the old one stays in force.
  ///
  /// - Returns: warnings, and what takes effect only at the next start.
  /// - Throws: ``ApplianceError`` with all problems, or whatever else stands in the way.
  public func reload() async throws -> [String] {
    guard let configurationFile else { throw ApplianceError.noConfigurationFile }
    options.notify.reloading()
    defer { tellReloaded() }
    let bytes = try await BlockingWork.run { try readWhole(configurationFile) }
    let (parsed, problems) = ConfigurationFile.parse(bytes: bytes, path: configurationFile)
    guard let parsed else { throw ApplianceError.refused(path: configurationFile, problems) }
    return problems.map { "\($0)" } + (try await adopt(parsed))
  }

  /// Puts another configuration into force, for programs that have no file.
  /// - Returns: what takes effect only at the next start.
  public func reload(with configuration: Configuration) async throws -> [String] {
    options.notify.reloading()
    defer { tellReloaded() }
    return try await adopt(configuration)
  }

  private func adopt(_ wanted: Configuration) async throws -> [String] {
    await turns.take()
    defer { turns.giveBack() }
    guard let running else { throw ApplianceError.notRunning }
    let old = self.configuration
    let later = Self.later(old, wanted)
    var new = Self.keepingWhatCannotChange(of: old, in: wanted)
    new.generation = old.generation + 1
    // Everything that can fail comes first, and nothing of it shows.
    let adopted = new
    let showCertificates = try await BlockingWork.run { try running.certificates.prepare(adopted) }
    let listen = try await running.listening.prepare(new)
    running.rooms.adopt(new)
    life.withLock { $0.configuration = new }
    showCertificates()
    listen()
    // Other routes may lead elsewhere.
    await running.runner.tryAgain()
    logger.notice("Another configuration is in force", metadata: ["generation": "\(new.generation)"])
    return later
  }

  private func tellReloaded() {
    options.notify.ready(status: running.map { summary($0) })
  }

  /// What is in force until the next start, whatever the file says: so that nothing, such as a new self-made certificate,
  /// goes to a folder where the store is not, and that the next reload says again what still waits.
  private static func keepingWhatCannotChange(of old: Configuration, in new: Configuration) -> Configuration {
    var new = new
    new.dataFolder = old.dataFolder
    new.control = old.control
    new.localSocket = old.localSocket
    new.limits.diskReserve = old.limits.diskReserve
    new.logLevel = old.logLevel
    return new
  }

  /// What a running appliance cannot change.
  static func later(_ old: Configuration, _ new: Configuration) -> [String] {
    var later: [String] = []
    func note(_ key: String, _ isChanged: Bool) {
      if isChanged { later.append("\(key) has changed: it takes effect at the next start") }
    }
    note("data-folder", old.dataFolder != new.dataFolder)
    note("[control]", old.control != new.control)
    note("local.socket", old.localSocket != new.localSocket)
    note("limits.disk-reserve", old.limits.diskReserve != new.limits.diskReserve)
    note("log.level", old.logLevel != new.logLevel)
    return later
  }
}

/// One reload at a time: two at once would prepare against the same present.
final class Turns: Sendable {
  private let state = Mutex<(isTaken: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

  func take() async {
    await withCheckedContinuation { continuation in
      let isMine = state.withLock { state in
        if state.isTaken {
          state.waiting.append(continuation)
          return false
        }
        state.isTaken = true
        return true
      }
      if isMine { continuation.resume() }
    }
  }

  func giveBack() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      if state.waiting.isEmpty {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}

/// A configuration file as a whole, or its beginning if it is longer than any that is taken. Blocks.
func readWhole(_ path: String) throws(ApplianceError) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 64 * 1024)
  while bytes.count <= ConfigurationFile.longest {
    let count = read(descriptor, &piece, piece.count)
    if count == 0 { break }
    guard count > 0 else {
      if errno == EINTR { continue }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    bytes += piece[..<count]
  }
  return bytes
}
