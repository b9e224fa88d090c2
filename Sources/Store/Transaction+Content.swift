extension Transaction {
  /// Stores a message. Its body is kept once: when an equal one is there (by SHA-256), that one is used.
  ///
  /// A content that nothing refers to at the end of the transaction (no entry, no waiting recipient) is removed again.
  public mutating func insert(_ content: NewContent) throws -> StoredContent { throw StoreError.closed }

  /// Stores a further header variant of a content's body.
  public mutating func insert(header: NewContent, of content: ContentID) throws -> StoredContent {
    throw StoreError.closed
  }

  /// Stores header fields that several copies or relayed recipients share.
  public mutating func insertPrefix(_ bytes: [UInt8]) throws -> PrefixID { throw StoreError.closed }
}
