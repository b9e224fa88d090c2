/// What one group of records of a domain is like.
public struct DomainFinding: Sendable, Hashable {
  public enum State: String, Sendable, Hashable, Comparable {
    case good, advice, wrong

    public static func < (a: State, b: State) -> Bool { a.rank < b.rank }
    private var rank: Int { self == .good ? 0 : self == .advice ? 1 : 2 }
  }

  /// `MX`, `SPF`…
  public var group: String
  public var state = State.good
  /// What was found, a sentence each.
  public var sentences: [String] = []
  /// What to put into the DNS.
  public var records: [NeededRecord] = []

  init(_ group: String) { self.group = group }

  mutating func good(_ sentence: String) { sentences.append(sentence) }

  mutating func advise(_ sentence: String, _ record: NeededRecord? = nil) { add(.advice, sentence, record) }

  mutating func fault(_ sentence: String, _ record: NeededRecord? = nil) { add(.wrong, sentence, record) }

  /// As heavy as the record that is missing.
  mutating func missing(_ sentence: String, _ record: NeededRecord) {
    add(record.weight == .needed ? .wrong : .advice, sentence, record)
  }

  private mutating func add(_ state: State, _ sentence: String, _ record: NeededRecord?) {
    self.state = max(self.state, state)
    sentences.append(sentence)
    if let record, !records.contains(record) { records.append(record) }
  }
}
