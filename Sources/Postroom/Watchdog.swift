internal import Logging
internal import NIOCore
internal import Network
internal import Relay
internal import Store

/// Tells the service manager that the appliance is alive, each time that its parts have just proved it.
///
///     every third of the interval: ask every event loop and the queue runner, look at the writer ─▶ Vitality ─▶ WATCHDOG=1
struct Watchdog: Sendable {
  private let appliance: Appliance
  private let running: Running

  init(_ appliance: Appliance, _ running: Running) {
    self.appliance = appliance
    self.running = running
  }

  func run() async {
    guard let interval = appliance.options.watchdog else { return }
    let step = interval / 3
    var wasTroubled = false
    while !Task.isCancelled {
      switch await examine(within: step).verdict {
      case .alive(let words):
        appliance.options.notify.watchdog()
        if let words {
          appliance.options.notify.status(words)
        } else if wasTroubled {
          appliance.options.notify.status(appliance.summary(running))
        }
        wasTroubled = words != nil
      case .hanging(let words):
        appliance.logger.critical("The watchdog is not told", metadata: ["reason": "\(words)"])
        appliance.options.notify.status("Hanging: \(words)")
        wasTroubled = true
      }
      guard (try? await Task.sleep(for: step)) != nil else { return }
    }
  }

  /// Asks everybody at once.
  func examine(within limit: Duration) async -> Vitality {
    async let loops = answers(within: limit) {
      for loop in running.loops.makeIterator() { try? await loop.submit {}.get() }
    }
    async let runner = answers(within: limit) { await running.runner.proveProgress() }
    return await Vitality(loopsAnswered: loops, runnerAnswered: runner, writer: running.rooms.store.progress)
  }

  /// Whether something that cannot be interrupted comes to its end in time.
  private func answers(within limit: Duration, _ body: @escaping @Sendable () async -> Void) async -> Bool {
    let (stream, continuation) = AsyncStream.makeStream(of: Bool.self)
    let asking = Task {
      await body()
      continuation.yield(true)
    }
    let waiting = Task {
      try? await Task.sleep(for: limit)
      continuation.yield(false)
    }
    defer {
      asking.cancel()
      waiting.cancel()
    }
    for await answer in stream { return answer }
    return false
  }
}
