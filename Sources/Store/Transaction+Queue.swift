public import Platform

extension Transaction {
  public mutating func insert(_ envelope: NewEnvelope) throws -> EnvelopeID { throw StoreError.closed }

  /// Adds a recipient to an envelope of this transaction or an earlier one.
  public mutating func insert(_ recipient: NewRecipient, of envelope: EnvelopeID) throws -> RecipientID {
    throw StoreError.closed
  }

  /// The newest envelope of the last days with this fingerprint whose reply was not read (RFC 1047).
  public func earlier(fingerprint: Int64) throws -> EarlierEnvelope? { throw StoreError.closed }

  public func envelope(_ id: EnvelopeID) throws -> StoredEnvelope? { throw StoreError.closed }

  public func recipient(_ id: RecipientID) throws -> Recipient? { throw StoreError.closed }

  public func recipients(of envelope: EnvelopeID) throws -> [Recipient] { throw StoreError.closed }

  /// Changes a waiting recipient, with the trace row that says so.
  ///
  /// Throws ``StoreError/alreadyFinal(_:_:)`` when it does not wait any more, ``StoreError/missing(_:)`` when it is not there.
  /// - Returns: the recipient as it is now.
  @discardableResult
  public mutating func update(
    _ id: RecipientID, trace step: TraceStep, _ change: (inout Recipient) throws -> Void
  ) throws -> Recipient {
    throw StoreError.closed
  }

  /// Notes that an attempt has reached the point where its outcome can become uncertain (before the final dot).
  public mutating func beginAttempt(_ ids: [RecipientID], at: Moment) throws { throw StoreError.closed }

  /// Adds a step to an envelope's trace.
  public mutating func trace(_ step: TraceStep, of envelope: EnvelopeID) throws { throw StoreError.closed }

  /// Adds a refusal to the trace. Prefer ``Store/traceLazily(_:)``, which waits for no sync.
  public mutating func trace(_ refusal: Refusal) throws { throw StoreError.closed }
}
