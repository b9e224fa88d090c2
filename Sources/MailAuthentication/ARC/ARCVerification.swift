internal import Message
internal import Resolver

/// The chain of one message under way (RFC 8617 §5.2): read from the header, then the body streams by, then the keys are
/// asked for.
struct ARCVerification: Sendable {
  /// A chain that waits for the end of the body.
  struct Waiting {
    var sets: [ARCSet] = []
    var message: DKIMSignature?
    var digest: BodyDigest?
    var problem: DKIMProblem?
  }

  private let sets: [ARCSet]
  private let message: DKIMSignature?
  private let bodyHash: [UInt8]
  private let bodyLength: Int64
  private let problem: DKIMProblem?
  private let selection: HeaderSelection

  static func begin(_ selection: HeaderSelection, _ digests: BodyDigests) -> Waiting {
    var waiting = Waiting()
    do throws(DKIMProblem) {
      waiting.sets = try ARCSet.chain(selection)
      guard let newest = waiting.sets.last else { return waiting }
      try checkValidations(waiting.sets)
      let message = try DKIMSignature(newest.message, newest.messageTags, kind: .arc)
      guard let digest = digests.digest(message.bodyCanonicalization, limit: message.length) else {
        throw DKIMProblem(.fail, "the signatures of the message need too many different hashes")
      }
      (waiting.message, waiting.digest) = (message, digest)
    } catch {
      waiting.problem = error
    }
    return waiting
  }

  /// RFC 8617 §5.2, 2 and 3: the first handler saw no chain, each later one a good one.
  private static func checkValidations(_ sets: [ARCSet]) throws(DKIMProblem) {
    for (index, set) in sets.enumerated() {
      let right: ARCResult = index == 0 ? .none : .pass
      guard set.sealSignature.validation == right else {
        throw DKIMProblem(.fail, "seal \(index + 1) has cv=\(set.sealSignature.validation.rawValue)")
      }
    }
  }

  /// After the body's last octet.
  init(_ waiting: Waiting, _ selection: HeaderSelection) {
    sets = waiting.sets
    message = waiting.message
    bodyHash = waiting.digest?.finish() ?? []
    bodyLength = waiting.digest?.length ?? 0
    problem = waiting.problem
    self.selection = selection
  }

  func outcome(_ keys: KeyLookup) async -> ARCOutcome {
    var outcome = ARCOutcome(
      result: .none, sealers: sets.map(\.sealSignature.domain.ascii),
      firstResults: sets.first.flatMap { ARCSet.instance($0.results.body) }.map { AuthenticationResults($0.rest) })
    if let problem {
      (outcome.result, outcome.reason) = (.fail, problem.reason)
      return outcome
    }
    guard let message else { return outcome }
    do throws(DKIMProblem) {
      try await verify(message, keys)
      try await verifySeals(keys)
      outcome.result = .pass
    } catch {
      (outcome.result, outcome.reason) = (.fail, error.reason)
    }
    return outcome
  }

  private func verify(_ message: DKIMSignature, _ keys: KeyLookup) async throws(DKIMProblem) {
    if let covered = message.length, covered > bodyLength {
      throw DKIMProblem(.fail, "the body is shorter than what the newest handler signed")
    }
    guard bodyHash == message.bodyHash else {
      throw DKIMProblem(.fail, "the body was changed since the newest handler")
    }
    let (key, _) = try await keys.key(message.keyName, for: message.algorithm)
    guard key.verifies(message.signature, over: message.signed(selection)) else {
      throw DKIMProblem(.fail, "the newest handler's signature of the message does not verify")
    }
  }

  private func verifySeals(_ keys: KeyLookup) async throws(DKIMProblem) {
    // All keys at once: a long chain must not wait for one after the other.
    let found = await withTaskGroup(of: (Int, Result<VerifyingKey, DKIMProblem>).self) { tasks in
      for (index, set) in sets.enumerated() {
        let seal = set.sealSignature
        tasks.addTask {
          do throws(DKIMProblem) {
            return (index, .success(try await keys.key(seal.keyName, for: seal.algorithm).key))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var found: [Int: Result<VerifyingKey, DKIMProblem>] = [:]
      for await (index, key) in tasks { found[index] = key }
      return found
    }
    var covered: [UInt8] = []
    for (index, set) in sets.enumerated() {
      set.appendCovered(to: &covered)
      var data = covered
      Canonicalization.relaxed.append(set.seal, without: set.sealSignature.written, to: &data)
      guard let result = found[index] else { throw DKIMProblem(.fail, "seal \(index + 1) was not looked at") }
      let key = try result.get()
      guard key.verifies(set.sealSignature.signature, over: data) else {
        throw DKIMProblem(.fail, "seal \(index + 1) does not verify")
      }
      Canonicalization.relaxed.append(set.seal, to: &covered)
    }
  }
}
