#if DEBUG
  internal import Store

  extension MailFlow {
    /// The mistake that `Mutation.queueRowApart` makes: the recipients elsewhere in a second transaction.
    func commitInTwo(_ commission: Commission) async throws -> Commission.Result {
      let (local, remote) = (commission.only { !$0.isQueued }, commission.only { $0.isQueued })
      guard !local.envelope.recipients.isEmpty, !remote.envelope.recipients.isEmpty else {
        return try await store.write { [observers] in try commission.carryOut(in: &$0, observers: observers) }
      }
      let result = try await store.write { [observers] in try local.carryOut(in: &$0, observers: observers) }
      guard case .done = result else { return result }
      try await store.write { [observers] in _ = try remote.write(in: &$0, observers: observers) }
      return result
    }
  }

  extension Commission {
    fileprivate func only(_ isWanted: (Fate) -> Bool) -> Commission {
      let indices = envelope.recipients.indices.filter { isWanted(plan.recipients[$0].fate) }
      var part = self
      part.envelope.recipients = indices.map { envelope.recipients[$0] }
      part.plan.recipients = indices.map { plan.recipients[$0] }
      part.variantOf = indices.map { variantOf[$0] }
      return part
    }
  }

  extension Fate {
    fileprivate var isQueued: Bool { if case .queue = self { true } else { false } }
  }
#endif
