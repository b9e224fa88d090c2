internal import Configuration
internal import Network

/// A connection to a helper program (clamd, a milter), for as long as one piece of work lasts.
struct Helper: Sendable {
  typealias Connect = @Sendable (Configuration.Place, Duration) async throws -> Connection

  let connect: Connect

  /// Connects, works, and closes, whatever happens. A cancelled task lets go of its connection at once.
  func with<T: Sendable>(
    _ place: Configuration.Place, within limit: Duration, _ work: @escaping @Sendable (Connection) async throws -> T
  ) async throws -> T {
    let connection = try await connect(place, min(limit, .seconds(5)))
    do {
      let result = try await withTaskCancellationHandler {
        try await work(connection)
      } onCancel: {
        connection.abort()
      }
      connection.abort()
      _ = await connection.close(within: .zero, lingering: .zero)
      return result
    } catch {
      connection.abort()
      _ = await connection.close(within: .zero, lingering: .zero)
      throw error
    }
  }
}

/// Why a helper gave no answer.
struct HelperFailure: Error, CustomStringConvertible {
  let description: String
}
