internal import CUnbound
internal import Logging
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// What the resolver's thread does: takes questions, hands them to libunbound, waits, answers.
///
/// Confined to that thread; libunbound calls back on it, from `ub_process`.
final class LookupLoop {
  private let settings: DNSResolver.Settings
  private let inbox: LookupInbox
  private let log: Logger
  private var waiting: [Lookup] = []
  private var asked: [Lookup: Asked] = [:]

  /// A question that libunbound has, with what its callback is given.
  final class Asked {
    let lookup: Lookup
    var id: Int32 = 0
    unowned let loop: LookupLoop

    init(_ lookup: Lookup, _ loop: LookupLoop) {
      self.lookup = lookup
      self.loop = loop
    }
  }

  init(_ settings: DNSResolver.Settings, _ inbox: LookupInbox, _ log: Logger) {
    self.settings = settings
    self.inbox = inbox
    self.log = log
  }

  func run() {
    do throws(UnboundError) {
      try work()
      inbox.ended()
    } catch {
      log.error("The resolver does not work: \(error)")
      failAll("the resolver does not work: \(error)")
      inbox.abandon("the resolver does not work: \(error)")
    }
  }

  /// When this returns libunbound's context is gone, and whoever waits for the end may rely on it.
  private func work() throws(UnboundError) {
    let context = try UnboundContext(settings)
    try turn(context)
    failAll("the resolver is closed")
  }

  private func turn(_ context: borrowing UnboundContext) throws(UnboundError) {
    defer { forget(context) }
    while true {
      let content = inbox.take()
      waiting += content.new
      if content.isClosing { return }
      expire()
      ask(context)
      wait(context)
      try process(context)
    }
  }

  /// libunbound will not call back any more.
  private func forget(_ context: borrowing UnboundContext) {
    for entry in asked.values {
      ub_cancel(context.pointer, entry.id)
      Unmanaged.passUnretained(entry).release()
    }
    waiting += asked.keys
    asked = [:]
  }

  private func failAll(_ reason: String) {
    for lookup in waiting { lookup.finish(.failure(lookup.failure(.closed, reason))) }
    waiting = []
  }

  private func ask(_ context: borrowing UnboundContext) {
    while asked.count < settings.questionsAtOnce, !waiting.isEmpty {
      let lookup = waiting.removeFirst()
      if lookup.isFinished { continue }
      let entry = Asked(lookup, self)
      asked[lookup] = entry
      // The callback, or whoever cancels it, gives this reference back.
      let data = Unmanaged.passRetained(entry).toOpaque()
      let code = ub_resolve_async(
        context.pointer, lookup.name.ascii + ".", Int32(lookup.type.rawValue), 1, data, unboundAnswered, &entry.id)
      if code != UB_NOERROR.rawValue {
        Unmanaged.passUnretained(entry).release()
        asked[lookup] = nil
        let reason = "the resolver cannot ask: \(String(cString: ub_strerror(code)))"
        lookup.finish(.failure(lookup.failure(.serverFailure, reason)))
      }
    }
  }

  /// Whoever has waited long enough is told. libunbound goes on with a question that it has, whatever it is told, so the
  /// question keeps its place until the answer comes: no more than the settings say are ever under way.
  private func expire() {
    let now = ContinuousClock.now
    let limit = "there was no answer within \(settings.timeLimit.components.seconds) s"
    for lookup in waiting + asked.keys where lookup.deadline <= now {
      lookup.finish(.failure(lookup.failure(.timedOut, limit)))
    }
    waiting.removeAll(where: \.isFinished)
  }

  /// Sleeps until there are answers, questions, or a time limit is reached.
  private func wait(_ context: borrowing UnboundContext) {
    var descriptors = [
      pollfd(fd: context.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: inbox.reading, events: Int16(POLLIN), revents: 0),
    ]
    var limit: Int32 = -1
    if let next = (waiting + asked.keys).lazy.filter({ !$0.isFinished }).map(\.deadline).min() {
      let left = ContinuousClock.now.duration(to: next)
      // A millisecond more, or it would turn in vain until the limit is really there.
      limit = Int32(
        clamping: max(left.components.seconds, 0) * 1000 + max(left.wholeMicroseconds % 1_000_000, 0) / 1000 + 1)
    }
    // Without a socket pair there is nothing that wakes us.
    if inbox.reading < 0 { limit = 50 }
    _ = poll(&descriptors, 2, limit)
  }

  private func process(_ context: borrowing UnboundContext) throws(UnboundError) {
    guard ub_poll(context.pointer) != 0 else { return }
    let code = ub_process(context.pointer)
    guard code == UB_NOERROR.rawValue else { throw UnboundError(description: String(cString: ub_strerror(code))) }
  }

  fileprivate func answered(_ entry: Asked, _ code: Int32, _ result: UnsafeMutablePointer<ub_result>?) {
    asked[entry.lookup] = nil
    guard code == UB_NOERROR.rawValue, let result else {
      let hint = code == UB_INITFAIL.rawValue ? " (are the trust anchors in [dns] well-formed?)" : ""
      let reason = "the resolver gave up: \(String(cString: ub_strerror(code)))\(hint)"
      return entry.lookup.finish(.failure(entry.lookup.failure(.serverFailure, reason)))
    }
    entry.lookup.finish(entry.lookup.read(result.pointee))
  }
}

private func unboundAnswered(
  _ data: UnsafeMutableRawPointer?, _ code: Int32, _ result: UnsafeMutablePointer<ub_result>?
) {
  defer { ub_resolve_free(result) }
  guard let data else { return }
  let entry = Unmanaged<LookupLoop.Asked>.fromOpaque(data).takeRetainedValue()
  entry.loop.answered(entry, code, result)
}
