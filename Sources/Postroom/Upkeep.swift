internal import Logging
internal import Platform
internal import Store

/// What has to be done from time to time: traces that are older than the office keeps them are deleted, in slices that
/// hold nobody up, keys are renewed, and those whose forwarded mail failed are told of it.
struct Upkeep {
  let rooms: Rooms
  let clock: Clock
  let logger: Logger

  init(_ rooms: Rooms, clock: Clock, logger: Logger) {
    self.rooms = rooms
    self.clock = clock
    self.logger = logger
  }

  private func renewKeys() async {
    do {
      try await rooms.renewKeys()
    } catch {
      logger.warning("The keys of return addresses could not be renewed", metadata: ["reason": "\(error)"])
    }
  }

  private func forgetSenders() async {
    let settings = rooms.configuration.greylisting
    let (now, rule) = (clock.now(), GreylistRule(delay: settings.delay, keep: settings.keep))
    do {
      try await rooms.store.write(.freeing) { try $0.retireGreylist(at: now, rule) }
    } catch {
      logger.warning("Old senders of the greylist could not be forgotten", metadata: ["reason": "\(error)"])
    }
  }

  func run() async {
    while !Task.isCancelled {
      do {
        let before = clock.now() - rooms.configuration.trace.keep
        while try await rooms.store.retire(before: before) { try await Task.sleep(for: .milliseconds(20)) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("Old traces could not be deleted", metadata: ["reason": "\(error)"])
      }
      await forgetSenders()
      await renewKeys()
      await rooms.flow.writeSummaries()
      guard (try? await Task.sleep(for: .seconds(3600))) != nil else { return }
    }
  }
}
