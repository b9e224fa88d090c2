import Foundation

/// A child process, from its start until it has been waited for; it is killed when nobody needs it any more.
///
/// Not Foundation's `Process`: that keeps descriptors of each child it ever had, and what it starts from a thread with
/// blocked signals inherits the block: such a child cannot hear SIGTERM.
///
/// `@unchecked Sendable`: what changes is its status, behind a lock.
final class Child: @unchecked Sendable {
  let processID: pid_t
  private let lock = NSLock()
  private var status: Int32?

  /// Starts a program found on the PATH.
  ///
  /// - Parameters:
  ///   - environment: what differs from ours.
  ///   - folder: where it works; ours if `nil`.
  ///   - input: the file that it reads.
  ///   - output, errors: files that it appends to; they are made where there are none.
  init(
    _ words: [String], environment: [String: String] = [:], in folder: String? = nil, input: String = "/dev/null",
    output: String = "/dev/null", errors: String = "/dev/null"
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let program = "/usr/bin/env"
    let settings = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var arguments = ([program] + (folder.map { ["--chdir", $0] } ?? []) + words).map { strdup($0) } + [nil]
    var variables = settings.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child = pid_t()
    let result = posix_spawn(&child, program, &actions, &attributes, &arguments, &variables)
    guard result == 0 else { throw TestAppliance.Failed(description: "\(words) cannot be started: error \(result)") }
    processID = child
  }

  deinit { end() }

  var isRunning: Bool { look(WNOHANG) == nil }

  func signal(_ number: Int32) {
    lock.withLock { if status == nil { kill(processID, number) } }
  }

  /// Waits for its end: what it exited with, or the number of the signal that ended it.
  @discardableResult func wait() -> Int32 {
    let status = look(0) ?? 0
    return status & 0x7f == 0 ? status >> 8 & 0xff : status & 0x7f
  }

  /// Kills it, if it still runs, and waits.
  func end() {
    signal(SIGKILL)
    wait()
  }

  private func look(_ options: Int32) -> Int32? {
    lock.withLock {
      guard status == nil else { return status }
      var found: Int32 = 0
      // Interrupted or refused, it is asked again: a child of ours that was not waited for is always there.
      var result = waitpid(processID, &found, options)
      while result < 0, errno == EINTR { result = waitpid(processID, &found, options) }
      if result == processID { status = found }
      return status
    }
  }
}
