/// One reason that went into a verdict: what looked, what it found, how much it weighed.
public struct Factor: Sendable, Hashable, Codable {
  /// The test's name: `rule invoices`, `deadline`, `attachments`.
  public var test: String
  /// Positive speaks against the message; 0 where the test decides alone or says nothing.
  public var score: Double
  /// A sentence for the trace. Text of strangers in it may be as it came: it is escaped where it enters the trace.
  public var reason: String

  public init(test: String, score: Double = 0, reason: String) {
    self.test = test
    self.score = score
    self.reason = reason
  }
}

/// How a message is marked for one recipient.
public struct Tag: Sendable, Hashable {
  /// Fields put on top of the header section, names and bodies as they shall appear (unfolded, ASCII).
  public var fields: [Field]
  /// Words put before the Subject, such as `[External]`.
  public var subjectPrefix: String?
  /// File it in the Junk folder instead of the inbox.
  public var isJunk: Bool
  /// Fields that are taken out or get another body, before ``fields`` are put on top.
  public var edits: [Edit] = []

  /// One field of the header section, changed.
  public struct Edit: Sendable, Hashable {
    public var name: String
    /// Which of the fields of this name, from 1 on. One that is not there is put on top.
    public var number: Int
    /// The new body; `nil` takes the field out.
    public var value: String?

    public init(_ name: String, number: Int, value: String?) {
      self.name = name
      self.number = number
      self.value = value
    }
  }

  public struct Field: Sendable, Hashable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Fields that only say what was found: see ``isExplanation``.
  public static let scoreField = "X-Postroom-Score"
  public static let factorField = "X-Postroom-Factor"

  /// Whether nothing is changed but that the message says what was found.
  var isExplanation: Bool {
    edits.isEmpty && !isJunk && (subjectPrefix ?? "").isEmpty
      && fields.allSatisfy { $0.name == Self.scoreField || $0.name == Self.factorField }
  }

  public init(fields: [Field] = [], subjectPrefix: String? = nil, isJunk: Bool = false) {
    self.fields = fields
    self.subjectPrefix = subjectPrefix
    self.isJunk = isJunk
  }
}

/// What filtering decided for one recipient, and why.
public struct Verdict: Sendable, Hashable {
  public enum Action: Sendable, Hashable {
    case accept
    case tag(Tag)
    case quarantine(reason: String)
    case reject(Answer)
    case discard(reason: String)
  }

  public var action: Action
  public var factors: [Factor]

  public init(_ action: Action, factors: [Factor] = []) {
    self.action = action
    self.factors = factors
  }

  public static let accept = Verdict(.accept)

  /// The verdict of a judge who did not answer in time: the message goes on with what is known, and says so.
  public static func unknown(_ reason: String) -> Verdict {
    Verdict(.accept, factors: [Factor(test: "unknown", reason: reason)])
  }

  /// The action's word for traces: `accept`, `tag`, `quarantine`, `reject`, `discard`.
  public var name: String {
    switch action {
    case .accept: "accept"
    case .tag(let tag): tag.isExplanation ? "accept" : "tag"
    case .quarantine: "quarantine"
    case .reject: "reject"
    case .discard: "discard"
    }
  }
}
