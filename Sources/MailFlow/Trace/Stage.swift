/// The rooms in which a step of a journey happens; the `stage` column of the trace.
enum Stage {
  static let reception = "reception"
  static let filtering = "filtering"
  static let delivery = "delivery"
  static let relay = "relay"
  static let notification = "notification"
  /// Read by its owner, over IMAP.
  static let reading = "reading"
  static let administration = "administration"
}
