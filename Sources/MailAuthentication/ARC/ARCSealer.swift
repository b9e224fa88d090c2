public import Message
public import Platform

/// Adds a set to a message that is passed on (RFC 8617 §5.1), so that the next one can see what we saw.
public enum ARCSealer {
  /// What the message signature covers if it is there: everything that DKIM covers, and DKIM's own.
  private static let alsoSigned = ["DKIM-Signature"]

  /// The three fields, each ending in CRLF, to stand on top of the header section. `nil`: the chain is broken, or as long
  /// as one may be, and nothing is to be added.
  ///
  /// - Parameters:
  ///   - header: as it leaves, after all changes.
  ///   - bodyHash: of the relaxed body; see ``RelaxedBodyHash``.
  ///   - results: what was found when the message came in.
  ///   - chain: what was found of the chain that it came with.
  public static func seal(
    _ header: HeaderSection, bodyHash: [UInt8], results: AuthenticationResults, chain: ARCOutcome,
    by identity: SigningIdentity, at now: Moment
  ) throws(CryptographyError) -> [UInt8]? {
    let selection = HeaderSelection(header)
    guard chain.result != .fail, let sets = try? ARCSet.chain(selection), sets.count < ARCSet.limit else { return nil }
    let number = sets.count + 1
    let arrived = Array("ARC-Authentication-Results: i=\(number); ".utf8) + results.payload + [13, 10]
    let names =
      DKIMSigner.coveredNames(selection) + alsoSigned.flatMap { name in selection.all(name).map { _ in name } }
    let data = selection.canonical(names.map { Array($0.utf8)[...] }, .relaxed)
    let message = try DKIMSigner.signature(
      name: "ARC-Message-Signature", tags: ["i=\(number)"], over: data, names: names, bodyHash: bodyHash,
      by: identity, at: now)
    var covered: [UInt8] = []
    for set in sets {
      set.appendCovered(to: &covered)
      Canonicalization.relaxed.append(set.seal, to: &covered)
    }
    for field in HeaderSection(arrived + message) { Canonicalization.relaxed.append(field, to: &covered) }
    let validation: ARCResult = sets.isEmpty ? .none : .pass
    let seal = try DKIMSigner.signed(
      field: "ARC-Seal",
      tags: [
        "i=\(number)", "a=\(identity.key.algorithm.rawValue)", "t=\(now.seconds)", "cv=\(validation.rawValue)",
        "d=\(identity.domain)", "s=\(identity.selector)",
      ], over: covered, by: identity.key)
    return seal + message + arrived
  }
}
