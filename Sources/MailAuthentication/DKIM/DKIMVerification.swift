internal import Message
internal import Platform
internal import Resolver

/// The signatures of one message under way: they are read from the header, then the body streams by, then the keys are
/// asked for.
struct DKIMVerification: Sendable {
  /// Signatures from the top that are looked at. More are no sign of good will, and each may cost a look-up.
  static let limit = 8

  private enum Candidate: Sendable {
    case signature(DKIMSignature, bodyHash: [UInt8], bodyLength: Int64)
    case outcome(DKIMOutcome)
  }

  /// A signature that waits for the end of the body.
  struct Waiting {
    var outcome: DKIMOutcome
    var signature: DKIMSignature?
    var digest: BodyDigest?
  }

  private let candidates: [Candidate]
  private let selection: HeaderSelection

  /// Reads the signatures, and orders the hashes that they need.
  static func begin(_ selection: HeaderSelection, _ digests: BodyDigests, now: Moment) -> [Waiting] {
    selection.all("DKIM-Signature").enumerated().map { number, field in
      guard number < limit else {
        return Waiting(
          outcome: failed(field, DKIMProblem(.neutral, "only the first \(limit) signatures are looked at")))
      }
      return begin(field, digests, now: now)
    }
  }

  private static func begin(_ field: HeaderField, _ digests: BodyDigests, now: Moment) -> Waiting {
    do throws(DKIMProblem) {
      guard let tags = TagList(field.body) else { throw DKIMProblem(.neutral, "it is no list of tags") }
      let signature = try DKIMSignature(field, tags, kind: .dkim)
      if let expires = signature.expires, expires < now.seconds { throw DKIMProblem(.fail, "it has expired") }
      guard let digest = digests.digest(signature.bodyCanonicalization, limit: signature.length) else {
        throw DKIMProblem(.neutral, "the signatures of the message need too many different hashes")
      }
      return Waiting(outcome: outcome(signature), signature: signature, digest: digest)
    } catch {
      return Waiting(outcome: failed(field, error))
    }
  }

  private static func outcome(_ signature: DKIMSignature) -> DKIMOutcome {
    DKIMOutcome(
      result: .neutral, domain: signature.domain.ascii, selector: signature.selector, identity: signature.identity,
      algorithm: signature.algorithm, beginning: beginning(signature.field))
  }

  private static func failed(_ field: HeaderField, _ problem: DKIMProblem) -> DKIMOutcome {
    let claimed = DKIMSignature.claimed(field)
    return DKIMOutcome(
      result: problem.result, domain: claimed.domain, selector: claimed.selector, identity: claimed.identity,
      beginning: beginning(field), reason: problem.reason)
  }

  private static func beginning(_ field: HeaderField) -> String? {
    TagList(field.body)?["b"].map { $0.withoutSpace.prefix(8).text }
  }

  /// After the body's last octet.
  init(_ waiting: [Waiting], _ selection: HeaderSelection) {
    self.selection = selection
    candidates = waiting.map { waiting in
      guard let signature = waiting.signature, let digest = waiting.digest else { return .outcome(waiting.outcome) }
      let hash = digest.finish()
      return .signature(signature, bodyHash: hash, bodyLength: digest.length)
    }
  }

  /// Asks for the keys, beside each other, and checks; the outcomes in the order of the fields.
  func outcomes(_ keys: KeyLookup) async -> [DKIMOutcome] {
    if candidates.count == 1 { return [await outcome(candidates[0], keys)] }
    return await withTaskGroup(of: (Int, DKIMOutcome).self) { tasks in
      for (number, candidate) in candidates.enumerated() {
        tasks.addTask { (number, await outcome(candidate, keys)) }
      }
      var found: [(Int, DKIMOutcome)] = []
      for await one in tasks { found.append(one) }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private func outcome(_ candidate: Candidate, _ keys: KeyLookup) async -> DKIMOutcome {
    switch candidate {
    case .outcome(let outcome): return outcome
    case .signature(let signature, let hash, let length):
      var outcome = Self.outcome(signature)
      do throws(DKIMProblem) {
        let record = try await verify(signature, hash, length, keys)
        outcome.result = .pass
        outcome.isTest = record.isTest
        if let covered = signature.length, covered < length {
          outcome.reason = "\(length - covered) octets at the end of the body are not signed"
        }
      } catch {
        (outcome.result, outcome.reason) = (error.result, error.reason)
      }
      return outcome
    }
  }

  private func verify(
    _ signature: DKIMSignature, _ hash: [UInt8], _ length: Int64, _ keys: KeyLookup
  ) async throws(DKIMProblem) -> DKIMKeyRecord {
    let (key, record) = try await keys.key(signature.keyName, for: signature.algorithm)
    // RFC 6376 §3.6.1, t=s.
    if record.isStrict, signature.identityDomain != signature.domain {
      throw DKIMProblem(.permerror, "its i= is not in the very domain that the key is for")
    }
    if let covered = signature.length, covered > length {
      throw DKIMProblem(.fail, "the body is shorter than what was signed")
    }
    guard hash == signature.bodyHash else { throw DKIMProblem(.fail, "the body was changed") }
    guard key.verifies(signature.signature, over: signature.signed(selection)) else {
      throw DKIMProblem(.fail, "the signature does not verify")
    }
    return record
  }
}

extension DKIMSignature {
  /// What the signature is over (RFC 6376 §3.7).
  func signed(_ selection: HeaderSelection) -> [UInt8] {
    var data = selection.canonical(names, headerCanonicalization)
    headerCanonicalization.append(field, without: signatureWritten, to: &data)
    return data
  }
}
