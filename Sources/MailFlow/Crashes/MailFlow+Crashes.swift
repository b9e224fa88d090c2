internal import Logging
internal import Message
internal import Platform
internal import Store

extension MailFlow {
  private static let crashSetting = "crashes"

  /// Counts what the last process was doing when it ended, if it ended before its time, and watches this one from now
  /// on. To be awaited once by the process that serves, before it takes mail in; never by a command.
  ///
  /// - Parameter file: for what is under way; best in memory, because whoever writes to a mapped page of a disk that does
  ///   not answer waits with it. Without it one in the store's folder.
  public func watchForCrashes(file: String? = nil) async throws {
    guard let slots = CrashSlots(path: file ?? "\(store.folder)/\(CrashSlots.fileName)", log: log) else { return }
    crashes.slots = slots
    let known = try await store.read { try $0.setting(Self.crashSetting) } ?? []
    crashes.load(known, suspects: slots.suspects, now: clock.now())
    guard !slots.suspects.isEmpty else { return }
    for suspect in Set(slots.suspects) {
      log.warning("the process ended while it worked for \(displayable(suspect, limit: 300))")
    }
    let encoded = crashes.encoded
    try await store.write { try $0.setSetting(Self.crashSetting, encoded) }
  }

  static func suspect(_ peer: IPAddress?, _ reversePath: EmailAddress?) -> String {
    "\(peer?.description ?? "local") <\(reversePath?.description ?? "")>"
  }
}
