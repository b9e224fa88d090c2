import Foundation

/// A program run to its end, as a person would run it, with what it printed.
struct Finished: CustomStringConvertible {
  let status: Int32
  let output: String
  let errors: String
  var description: String { "exit \(status)\n\(output)\(errors)" }
}

enum Program {
  /// Runs a program found on the PATH; it is killed when it takes longer than `seconds`.
  static func run(
    _ name: String, _ arguments: [String], input: String? = nil, environment: [String: String] = [:],
    in folder: URL? = nil, seconds: Double = 180
  ) throws -> Finished {
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    // Files, not pipes: a program that prints much must not wait for its reader.
    let files = ["out", "err", "in"].map { scratch.appendingPathExtension($0) }
    defer { files.forEach { try? FileManager.default.removeItem(at: $0) } }
    try Data((input ?? "").utf8).write(to: files[2])
    for file in files[0...1] { try Data().write(to: file) }
    let child = try spawn(
      ["/usr/bin/env"] + (folder.map { ["--chdir", $0.path] } ?? []) + [name] + arguments,
      ProcessInfo.processInfo.environment.merging(environment) { $1 }, input: files[2].path, output: files[0].path,
      errors: files[1].path)
    let deadline = Date(timeIntervalSinceNow: seconds)
    var status: Int32 = 0
    while waitpid(child, &status, WNOHANG) == 0 {
      if Date() > deadline { kill(child, SIGKILL) }
      usleep(5000)
    }
    func text(_ file: URL) -> String { (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
    return Finished(
      status: status & 0x7f == 0 ? status >> 8 & 0xff : status & 0x7f, output: text(files[0]), errors: text(files[1]))
  }

  /// Foundation's `Process` keeps sockets of each child that it ever had, and fails when they are too many.
  private static func spawn(
    _ arguments: [String], _ environment: [String: String], input: String, output: String, errors: String
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The threads that tests run on have signals blocked; a child would inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var child = pid_t()
    let result = posix_spawn(&child, arguments[0], &actions, &attributes, &words, &settings)
    guard result == 0 else {
      throw TestAppliance.Failed(description: "\(arguments) cannot be started: error \(result)")
    }
    return child
  }
}

/// A folder of a test's own, removed with it.
final class Folder {
  let url: URL
  var path: String { url.path }

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("postroom-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ text: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  func file(_ name: String) -> String { url.appendingPathComponent(name).path }
}
