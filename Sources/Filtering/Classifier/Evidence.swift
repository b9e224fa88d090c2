#if canImport(Glibc)
  import Glibc
#endif

/// How often a token was seen in messages that people call spam, and in others.
struct TokenCount: Equatable, Sendable {
  var spam: UInt32 = 0
  var ham: UInt32 = 0
}

/// How many messages were learned.
struct LessonCount: Equatable, Sendable {
  var spam = 0
  var ham = 0
}

/// What the tokens of a message say together: Robinson's estimate for each token, Fisher's method for all of them.
///
/// A token's part in spam is estimated by how often it was seen, and leans to what is known beforehand as long as that was
/// seldom. Under the assumption that the tokens say nothing, -2 Σ ln f of n of them follows χ² with 2n degrees of freedom; how
/// improbable it is then, for spam and for ham apart, is the evidence of either.
struct Evidence: Sendable {
  /// Found by cross-validation over folds that no published number was measured on.
  struct Parameters: Sendable {
    /// How much what is known beforehand weighs, in sightings.
    var strength = 0.0178
    /// What an unknown token says.
    var prior = 0.52
    /// Tokens that are nearer to the middle say nothing.
    var deviation = 0.375
    /// Everybody's counts against a person's own, in sightings of that person's.
    var commonStrength = 1.0

    init() {}
  }

  /// -ln of how probable so much evidence is by chance.
  private(set) var spam = 0.0
  private(set) var ham = 0.0
  /// Tokens that said something.
  private(set) var used = 0

  /// 0 is ham, 1 is spam, the middle is not known.
  var indicator: Double { (1 + exp(-ham) - exp(-spam)) / 2 }

  /// Where many messages are equally certain, or equally torn, this orders them; it never outweighs the indicator.
  var rank: Double { indicator + 1e-9 * (spam - ham) / (spam + ham + 100) }

  /// What it adds to a message's score, -6 to 6. Torn messages, for which much speaks on either side, are more often spam
  /// than not, and stay below what alone means Junk.
  var score: Double {
    switch indicator {
    case ..<0.4: (indicator - 0.4) * 15
    case ..<0.6: (indicator - 0.4) * 25
    default: 5 + (indicator - 0.6) * 2.5
    }
  }

  init() {}

  /// - Parameter probabilities: of those tokens that are known.
  init(_ probabilities: [Double], _ parameters: Parameters = Parameters()) {
    var (logs, complements) = (0.0, 0.0)
    for probability in probabilities where abs(probability - 0.5) >= parameters.deviation {
      used += 1
      logs += log(probability)
      complements += log(1 - probability)
    }
    guard used > 0 else { return }
    ham = Self.surprise(-logs, pairs: used)
    spam = Self.surprise(-complements, pairs: used)
  }

  /// -ln P(χ² ≥ 2x) with 2n degrees of freedom, which is x - ln Σ xⁱ/i! for i < n. Exact where it is far too small for a
  /// Double.
  static func surprise(_ x: Double, pairs n: Int) -> Double {
    guard x > 0 else { return 0 }
    var term = 0.0
    var largest = 0.0
    var sum = 1.0
    let logX = log(x)
    for i in 1..<max(n, 1) {
      term += logX - log(Double(i))
      if term > largest {
        sum = sum * exp(largest - term) + 1
        largest = term
      } else {
        sum += exp(term - largest)
      }
    }
    return max(x - largest - log(sum), 0)
  }

  /// The estimate for each token that was ever seen. A person's own counts lean on everybody's as long as they are few.
  static func probabilities(
    _ tokens: [UInt64], _ common: CountTable, own: CountTable? = nil, _ parameters: Parameters = Parameters()
  ) -> [Double] {
    var found: [Double] = []
    found.reserveCapacity(tokens.count)
    for token in tokens {
      let count = common[token]
      guard count != TokenCount() else { continue }
      var probability = estimate(
        count, of: common.lessons, leaningOn: parameters.prior, strength: parameters.strength)
      if let own, case let count = own[token], count != TokenCount() {
        probability = estimate(count, of: own.lessons, leaningOn: probability, strength: parameters.commonStrength)
      }
      found.append(probability)
    }
    return found
  }

  /// A token's part in spam: how often it was seen there and elsewhere, and what is known beforehand.
  @inline(__always)
  private static func estimate(
    _ count: TokenCount, of lessons: LessonCount, leaningOn prior: Double, strength: Double
  ) -> Double {
    let spam = Double(count.spam) / Double(max(lessons.spam, 1))
    let ham = Double(count.ham) / Double(max(lessons.ham, 1))
    let sightings = Double(count.spam) + Double(count.ham)
    return (strength * prior + sightings * (spam / (spam + ham))) / (strength + sightings)
  }
}
