import Administration
import Configuration
import Postroom

/// Commands where no appliance runs: the store is opened here, under its lock.
enum LocalOffice {
  static func perform(
    _ request: ControlRequest, _ configuration: Configuration, row: (ControlRow) -> Void
  ) async throws -> ControlEnd {
    if request.command == "status", !hasStore(configuration) {
      throw CommandFailure("no appliance has run in \(configuration.dataFolder) yet: start it with `postroom serve`")
    }
    let rows = Rows()
    let end = try await withOffice(configuration) { office in
      await Command.perform(request, in: office) { await rows.add($0) }
    }
    for found in await rows.all { row(found) }
    return end
  }

  private static func hasStore(_ configuration: Configuration) -> Bool {
    Appliance.hasStore(in: configuration.dataFolder)
  }

  private actor Rows {
    private(set) var all: [ControlRow] = []
    func add(_ row: ControlRow) { all.append(row) }
  }
}

/// Opens the store of a configuration for one piece of work, as the user whose it is, and closes it again.
func withOffice<T: Sendable>(
  _ configuration: Configuration, _ work: (Office) async throws -> T
) async throws -> T {
  try becomeService(owning: configuration.dataFolder)
  let rooms = try Rooms(configuration)
  do {
    let result = try await work(rooms.office)
    await rooms.close()
    return result
  } catch {
    await rooms.close()
    throw error
  }
}
