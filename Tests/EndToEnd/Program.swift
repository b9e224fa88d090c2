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
    let child = try Child(
      [name] + arguments, environment: environment, in: folder?.path, input: files[2].path, output: files[0].path,
      errors: files[1].path)
    let deadline = Date(timeIntervalSinceNow: seconds)
    while child.isRunning {
      if Date() > deadline { child.end() }
      usleep(5000)
    }
    func text(_ file: URL) -> String { (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
    return Finished(status: child.wait(), output: text(files[0]), errors: text(files[1]))
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
