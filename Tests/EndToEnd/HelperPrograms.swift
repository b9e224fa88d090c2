import Foundation

/// A program that helps the appliance filter, in a folder of its own: a real clamd with a signature file of the tests' own, or a
/// milter that speaks the protocol by itself.
final class HelperProgram {
  let folder: Folder
  let socket: String
  private let process: Child

  private init(_ program: String, _ arguments: [String], in folder: Folder, socket: String) throws {
    self.folder = folder
    self.socket = socket
    let process = try Child([program] + arguments)
    self.process = process
    Leftovers.add(process.processID)
    try TestAppliance.wait("\(program) listens") {
      guard process.isRunning else { throw TestAppliance.Failed(description: "\(program) has ended") }
      return FileManager.default.fileExists(atPath: socket)
    }
  }

  deinit { stop() }

  /// Ends it, at once and for sure.
  func stop() { process.end() }

  /// The test file that every scanner knows, put together here so that no scanner stumbles over this source.
  static let eicar = #"X5O!P%@AP[4\PZX54(P^)7CC)7}$"# + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

  static let hasClamd = FileManager.default.isExecutableFile(atPath: "/usr/sbin/clamd")

  static func clamd() throws -> HelperProgram {
    let folder = try Folder()
    let signature = eicar.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    _ = try folder.write("db/test.ndb", "Postroom.Eicar:0:*:\(signature)\n")
    let configuration = try folder.write(
      "clamd.conf",
      """
      LocalSocket \(folder.file("clamd.ctl"))
      DatabaseDirectory \(folder.file("db"))
      TemporaryDirectory \(folder.path)
      Foreground yes

      """)
    return try HelperProgram(
      "/usr/sbin/clamd", ["-c", configuration], in: folder, socket: folder.file("clamd.ctl"))
  }

  /// Refuses what has "forbidden" in it; to everything else it adds a field, and it changes the subject.
  static func milter() throws -> HelperProgram {
    let folder = try Folder()
    let script = try folder.write("milter.py", milterSource)
    return try HelperProgram(
      "python3", [script, folder.file("milter")], in: folder, socket: folder.file("milter"))
  }

  /// Listens, takes connections, and never says a word.
  static func silence() throws -> HelperProgram {
    let folder = try Folder()
    let script = try folder.write(
      "silence.py",
      """
      import socket, sys, time
      server = socket.socket(socket.AF_UNIX)
      server.bind(sys.argv[1])
      server.listen(1000)
      held = []
      while True:
          held.append(server.accept())

      """)
    return try HelperProgram(
      "python3", [script, folder.file("silence")], in: folder, socket: folder.file("silence"))
  }

  private static let milterSource = #"""
    import socket, struct, sys, threading

    def serve(connection):
        seen = b""
        def take(count):
            data = b""
            while len(data) < count:
                piece = connection.recv(count - len(data))
                if not piece:
                    raise EOFError
                data += piece
            return data
        def give(code, data=b""):
            connection.sendall(struct.pack(">I", len(data) + 1) + code + data)
        try:
            while True:
                packet = take(struct.unpack(">I", take(4))[0])
                code, data = packet[:1], packet[1:]
                if code == b"O":
                    version, actions, steps = struct.unpack(">III", data[:12])
                    assert version == 6 and actions & 0x11 == 0x11
                    give(b"O", struct.pack(">III", 6, 0x11, 0))
                elif code == b"Q":
                    return
                elif code == b"D":
                    pass
                elif code == b"E":
                    if b"forbidden" in seen:
                        give(b"y", b"550 5.7.1 not with these words\0")
                    else:
                        give(b"h", b"X-Milter\0" + str(len(seen)).encode() + b"\0")
                        give(b"m", struct.pack(">I", 1) + b"Subject\0changed by the milter\0")
                        give(b"c")
                else:
                    if code == b"B":
                        seen += data
                    give(b"c")
        except (EOFError, ConnectionError):
            pass
        finally:
            connection.close()

    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen(100)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    """#
}
