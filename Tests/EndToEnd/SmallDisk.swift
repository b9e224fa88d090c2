import Foundation

/// A small file system in memory, in a mount namespace of its own: the appliance has its data there, and nobody else sees it.
final class SmallDisk {
  private let holder: Child
  private let folder: Folder
  /// The folder as those inside know it.
  let path: String
  /// The same folder for those outside.
  var outside: String { "/proc/\(holder.processID)/root\(path)" }
  /// What a program inside is started with.
  var launcher: [String] { ["nsenter", "-t", "\(holder.processID)", "-m", "--"] }

  /// Why there can be none here; `nil` if there can.
  static let obstacle: String? = {
    guard getuid() == 0 else { return "only root may mount" }
    let tried = try? Program.run("unshare", ["-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"])
    return tried?.status == 0 ? nil : "mounting is not allowed: \(tried.map { "\($0)" } ?? "no unshare")"
  }()

  init(megabytes: Int) throws {
    folder = try Folder()
    path = folder.file("disk")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let script = "mount -t tmpfs -o size=\(megabytes)m none \(path) && touch \(path)/mounted && exec sleep 600"
    holder = try Child(["unshare", "-m", "sh", "-c", script])
    let mark = outside + "/mounted"
    try TestAppliance.wait("the small disk") { FileManager.default.fileExists(atPath: mark) }
  }

  /// Bytes that are free.
  var free: Int {
    var facts = statvfs()
    return statvfs(outside, &facts) == 0 ? Int(facts.f_bavail) * Int(facts.f_frsize) : -1
  }

  /// Fills it up until so many bytes are left.
  func fill(leaving left: Int) {
    let file = open(outside + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    defer { close(file) }
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    while free > left {
      guard write(file, zeros, min(zeros.count, max(free - left, 4096))) > 0 else { return }
    }
  }

  /// Write-protects it, or lets it be written again. Nobody may have a file open for writing.
  func protect(_ isReadOnly: Bool) throws {
    let done = try Program.run(
      launcher[0], Array(launcher.dropFirst()) + ["mount", "-o", isReadOnly ? "remount,ro" : "remount,rw", path])
    guard done.status == 0 else { throw TestAppliance.Failed(description: "remounting: \(done)") }
  }

  /// Takes the filling away.
  func clear() { unlink(outside + "/filler") }
}
