public import Platform

/// What a runner that is fair between destinations reads.
extension Reader {
  /// Queued recipients that are due by then, at most so many for each destination: ten thousand rows for one of them do
  /// not hide another's first. The earliest of each destination come first. Also recipients held with a time that has come,
  /// and those without a destination.
  ///
  /// Costs two look-ups a destination with queued rows, whether any of its rows is due or not.
  public func due(by: Moment, perDestination: Int) throws -> [QueueRow] {
    // The first condition is that of the partial index, which SQLite does not conclude from the second.
    var ids: [RecipientID] = try database.all(
      """
      SELECT envelope, n FROM recipient WHERE state <= 1 AND due IS NOT NULL AND state = 1 AND due <= ?
      ORDER BY due LIMIT ?
      """, .int(by.microseconds), .int(perDestination), row: Self.recipientID)
    ids += try database.all(
      "SELECT envelope, n FROM recipient WHERE state = 0 AND destination IS NULL AND due <= ? ORDER BY due LIMIT ?",
      .int(by.microseconds), .int(perDestination), row: Self.recipientID)
    var last = ""
    while let destination = try nextDestination(after: last) {
      ids += try database.all(
        """
        SELECT envelope, n FROM recipient WHERE state = 0 AND destination = ? AND due <= ?
        ORDER BY due LIMIT ?
        """, .text(destination), .int(by.microseconds), .int(perDestination), row: Self.recipientID)
      last = destination
    }
    return try rows(ids)
  }

  /// When the next queued recipient, or one held with a time, becomes due after a moment.
  public func nextDue(after: Moment) throws -> Moment? {
    try database.first(
      "SELECT due FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due > ? ORDER BY due LIMIT 1",
      .int(after.microseconds)
    ) { Moment(microseconds: $0.int64(0)) }
  }

  /// When the next queued recipient becomes due after a moment; those that are held do not count.
  public func nextDueQueued(after: Moment) throws -> Moment? {
    try database.first(
      """
      SELECT due FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due > ? AND state = 0 ORDER BY due LIMIT 1
      """, .int(after.microseconds)
    ) { Moment(microseconds: $0.int64(0)) }
  }

  /// The index on destinations is walked in jumps, from each destination to the next.
  private func nextDestination(after last: String) throws -> String? {
    try database.first(
      "SELECT destination FROM recipient WHERE state = 0 AND destination > ? ORDER BY destination LIMIT 1", .text(last)
    ) { $0.text(0) }
  }
}
