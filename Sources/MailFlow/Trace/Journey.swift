public import Platform

/// The way of a message as a person follows it: the servers before us, our own steps in their order, and what became of
/// each recipient. All texts are displayable: control and bidi characters of strangers are escaped.
public struct Journey: Sendable, Hashable, Codable {
  /// A server that had the message before us, as it wrote into a Received field. Nobody vouches for these.
  public struct Hop: Sendable, Hashable, Codable {
    public var from: String?
    public var by: String?
    public var with: String?
    public var id: String?
    public var `for`: String?
    public var at: Moment?
  }

  /// A step in this house.
  public struct Step: Sendable, Hashable, Codable {
    public var at: Moment
    public var stage: String
    public var what: String
    public var words: String
    /// Absent when the step is about the whole message.
    public var recipient: String?
    /// From here on the message was ours to deliver, or (for a relayed copy) the next server's: nobody can call it back.
    public var isPointOfNoReturn: Bool
  }

  /// What became of a recipient.
  public struct Outcome: Sendable, Hashable, Codable {
    public var id: String
    public var recipient: String
    public var state: String
    public var isFinal: Bool
    public var due: Moment?
    public var attempts: Int
    public var said: String?
  }

  public var envelope: String
  public var origin: String
  public var arrived: Moment
  /// Empty: the null reverse-path.
  public var sender: String
  public var peer: String?
  public var helo: String?
  public var account: String?
  public var messageID: String?
  public var subject: String?
  public var size: Int
  /// The oldest first. Empty also when the content is gone.
  public var hops: [Hop]
  public var steps: [Step]
  public var outcomes: [Outcome]
}

/// Refusals as the trace has them; `count` above 1 where one row stands for several.
public struct RefusalListing: Sendable, Hashable, Codable {
  public var at: Moment
  public var peer: String
  public var helo: String?
  public var sender: String?
  public var recipient: String?
  public var messageID: String?
  public var subject: String?
  public var stage: String
  public var words: String
  public var count: Int
}
