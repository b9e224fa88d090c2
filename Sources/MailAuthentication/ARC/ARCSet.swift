internal import Message
internal import Resolver

/// The three fields that one handler added (RFC 8617 §4.1).
struct ARCSet: Sendable {
  /// Sets that a chain may have (RFC 8617 §4.2.1).
  static let limit = 50

  let results: HeaderField
  let message: HeaderField
  let messageTags: TagList
  let seal: HeaderField
  let sealSignature: ARCSealSignature

  /// The sets of a message, the oldest first; empty: it has none.
  ///
  /// - Throws: they are no chain (RFC 8617 §5.2, 3).
  static func chain(_ selection: HeaderSelection) throws(DKIMProblem) -> [ARCSet] {
    let results = selection.all("ARC-Authentication-Results")
    let messages = selection.all("ARC-Message-Signature")
    let seals = selection.all("ARC-Seal")
    let count = seals.count
    if results.isEmpty, messages.isEmpty, seals.isEmpty { return [] }
    guard count <= limit, results.count <= limit, messages.count <= limit else {
      throw DKIMProblem(.fail, "there are more than \(limit) sets")
    }
    guard results.count == count, messages.count == count else {
      throw DKIMProblem(.fail, "a set is not complete")
    }
    var resultsOf: [Int: HeaderField] = [:]
    var messageOf: [Int: (HeaderField, TagList)] = [:]
    var sealOf: [Int: (HeaderField, TagList)] = [:]
    for field in results {
      resultsOf[try number(Self.instance(field.body)?.number)] = field
    }
    for field in messages {
      let tags = try tags(field)
      messageOf[try number(tags["i"])] = (field, tags)
    }
    for field in seals {
      let tags = try tags(field)
      sealOf[try number(tags["i"])] = (field, tags)
    }
    var sets: [ARCSet] = []
    for number in 1...count {
      guard let results = resultsOf[number], let message = messageOf[number], let seal = sealOf[number] else {
        throw DKIMProblem(.fail, "set \(number) is not complete")
      }
      sets.append(
        ARCSet(
          results: results, message: message.0, messageTags: message.1, seal: seal.0,
          sealSignature: try ARCSealSignature(seal.1, number: number)))
    }
    return sets
  }

  private static func tags(_ field: HeaderField) throws(DKIMProblem) -> TagList {
    guard let tags = TagList(field.body) else { throw DKIMProblem(.fail, "\(field.nameText) is no list of tags") }
    return tags
  }

  private static func number(_ value: Octets?) throws(DKIMProblem) -> Int {
    guard let value, let number = value.number, (1...Int64(limit)).contains(number),
      value.first != UInt8(ascii: "0")
    else { throw DKIMProblem(.fail, "a field has no number from 1 to \(limit)") }
    return Int(number)
  }

  /// `i=1; …` of an ARC-Authentication-Results field: the digits, and what stands behind the semicolon.
  static func instance(_ body: Octets) -> (number: Octets, rest: Octets)? {
    guard let end = body.firstIndex(of: UInt8(ascii: ";")) else { return nil }
    let parts = body[..<end].split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].trimmed.equals("i") else { return nil }
    return (parts[1].trimmed, body[(end + 1)...])
  }

  /// Appends what a seal covers of this set but the seal itself.
  func appendCovered(to data: inout [UInt8]) {
    Canonicalization.relaxed.append(results, to: &data)
    Canonicalization.relaxed.append(message, to: &data)
  }
}

/// What an ARC-Seal field says (RFC 8617 §4.1.3).
struct ARCSealSignature: Sendable {
  let algorithm: SigningAlgorithm
  let signature: [UInt8]
  let written: Range<Int>
  let domain: DomainName
  let keyName: DomainName
  /// `cv=`: what this handler made of the chain before it.
  let validation: ARCResult

  init(_ tags: TagList, number: Int) throws(DKIMProblem) {
    algorithm = try DKIMSignature.algorithm(tags)
    guard let tag = tags.tag("b") else { throw DKIMProblem(.fail, "seal \(number) has no b=") }
    signature = try DKIMSignature.base64(tag.value, "b")
    written = tag.written
    (domain, _, keyName) = try DKIMSignature.key(tags)
    guard tags["h"] == nil else { throw DKIMProblem(.fail, "seal \(number) has h=, which it must not") }
    guard let word = tags["cv"], let validation = ARCResult(rawValue: word.text) else {
      throw DKIMProblem(.fail, "seal \(number) has no cv=")
    }
    self.validation = validation
    if let time = tags["t"], time.number == nil { throw DKIMProblem(.fail, "seal \(number) has a t= that is no time") }
  }
}
