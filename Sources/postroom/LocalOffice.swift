import Administration
import Configuration
import Postroom

#if canImport(Glibc)
  import Glibc
#endif

/// Commands where no appliance runs: the store is opened here, under its lock.
enum LocalOffice {
  static func perform(
    _ request: ControlRequest, _ configuration: Configuration, row: @escaping @Sendable (ControlRow) -> Void
  ) async throws -> ControlEnd {
    let actor = userName(getuid())
    return try await withOffice(configuration) { office in
      await Command.perform(request, in: office, actor: actor) { row($0) }
    }
  }
}

/// Opens the store of a configuration for one piece of work, as the user whose it is, and closes it again.
func withOffice<T: Sendable>(
  _ configuration: Configuration, _ work: (Office) async throws -> T
) async throws -> T {
  try becomeService(owning: configuration.dataFolder)
  let rooms = try Rooms(configuration)
  do {
    let result = try await work(rooms.office())
    await rooms.close()
    return result
  } catch {
    await rooms.close()
    throw error
  }
}
