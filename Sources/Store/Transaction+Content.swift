internal import Platform

extension Transaction {
  /// Stores a message. Its body is kept once: when an equal one is there (by SHA-256), that one is used.
  ///
  /// A content that nothing refers to at the end of the transaction (no entry, no waiting recipient) is removed again.
  public mutating func insert(_ content: NewContent) throws -> StoredContent {
    let (body, size) = try insertBody(content.body)
    return try insertHeader(content, body: body, bodySize: size)
  }

  /// Stores a further header variant of a content's body; `header.body` is ignored.
  public mutating func insert(header: NewContent, of content: ContentID) throws -> StoredContent {
    guard let other = try storedContent(content) else { throw StoreError.missing("content \(content)") }
    try refer(to: other.body)
    return try insertHeader(header, body: other.body, bodySize: other.bodySize)
  }

  /// Stores header fields that several copies or relayed recipients share.
  public mutating func insertPrefix(_ bytes: [UInt8]) throws -> PrefixID {
    let id = PrefixID(try core.newID())
    try database.run("INSERT INTO prefix VALUES(?, 0, ?)", .id(id), .blob(bytes))
    core.pending.prefixSizes[id] = bytes.count
    return id
  }

  func storedContent(_ id: ContentID) throws -> StoredContent? {
    try core.pending.contents[id] ?? rows.content(id)
  }

  func prefixSize(_ id: PrefixID) throws -> Int {
    if let size = core.pending.prefixSizes[id] { return size }
    let size = try database.first("SELECT length(bytes) FROM prefix WHERE id = ?", .id(id)) { $0.int(0) }
    guard let size else { throw StoreError.missing("prefix \(id)") }
    return size
  }

  private mutating func insertHeader(_ new: NewContent, body: BodyID, bodySize: Int) throws -> StoredContent {
    let id = ContentID(try core.newID())
    try database.run(
      "INSERT INTO content VALUES(?, ?, 0, ?, ?, ?)", .id(id), .id(body), .int(new.header.count), .int(bodySize),
      .int(new.facts))
    try database.run(
      "INSERT INTO header VALUES(?, ?, ?, ?, ?)", .id(id), .sparse(new.envelope), .sparse(new.bodyStructure),
      .sparse(new.structure), .blob(new.header))
    let stored = StoredContent(
      id: id, body: body, headerSize: new.header.count, bodySize: bodySize, facts: new.facts)
    core.pending.contents[id] = stored
    return stored
  }

  // MARK: Bodies

  /// - Returns: the body, referred to once more, and its size.
  private mutating func insertBody(_ new: NewBody) throws -> (BodyID, Int) {
    switch new {
    case .stored(let id):
      guard let size = try database.first("SELECT size FROM body WHERE id = ?", .id(id), row: { $0.int(0) }) else {
        throw StoreError.missing("body \(id)")
      }
      try refer(to: id)
      return (id, size)
    case .bytes(let pieces, let sha256):
      let size = pieces.reduce(0) { $0 + $1.count }
      if let id = try equalBody(sha256, size: size) {
        try refer(to: id)
        return (id, size)
      }
      let id = BodyID(try core.newID())
      try insertChunks(of: id, pieces)
      try insertBodyRow(id, sha256: sha256, size: size)
      core.pending.hashes.append(HashTail.Item(hash: HashTail.key(sha256), id: id.value))
      return (id, size)
    case .staged(let staged):
      return try insertStaged(staged.finished())
    }
  }

  private mutating func insertStaged(_ staged: StagedBody.Finished) throws -> (BodyID, Int) {
    if let id = try equalBody(staged.sha256, size: staged.size) {
      try refer(to: id)
      try abandonStaged(staged.id)
      return (id, staged.size)
    }
    try database.run("DELETE FROM staging WHERE body = ?", .id(staged.id))
    guard database.changes == 1 else { throw StoreError.missing("staged body \(staged.id)") }
    try insertBodyRow(staged.id, sha256: staged.sha256, size: staged.size)
    // Its id is older than the tail's mark may be, so the tail cannot have it.
    try database.run(
      "INSERT OR IGNORE INTO hash VALUES(?, ?)", .int(HashTail.key(staged.sha256)), .id(staged.id))
    return (staged.id, staged.size)
  }

  private func insertBodyRow(_ id: BodyID, sha256: [UInt8], size: Int) throws {
    guard sha256.count == 32 else { throw StoreError.misuse("a SHA-256 of \(sha256.count) bytes") }
    try database.run("INSERT INTO body VALUES(?, ?, ?, 1)", .id(id), .blob(sha256), .int(size))
  }

  private func refer(to body: BodyID) throws {
    try database.run("UPDATE body SET refs = refs + 1 WHERE id = ? AND refs > 0", .id(body))
    guard database.changes == 1 else { throw StoreError.missing("body \(body)") }
  }

  /// A body with these bytes that is not being deleted.
  private func equalBody(_ sha256: [UInt8], size: Int) throws -> BodyID? {
    let key = HashTail.key(sha256)
    var candidates = core.pending.hashes.filter { $0.hash == key }.map(\.id) + core.hashes.ids(key)
    candidates += try database.all("SELECT id FROM hash WHERE hash = ?", .int(key)) { $0.int64(0) }
    for id in candidates {
      let isEqual = try database.first(
        "SELECT sha256 = ? FROM body WHERE id = ? AND size = ? AND refs > 0", .blob(sha256), .int(id), .int(size)
      ) { $0.int(0) != 0 }
      if isEqual == true { return BodyID(id) }
    }
    return nil
  }

  /// Cuts pieces into chunks and writes them.
  private func insertChunks(of body: BodyID, _ pieces: [[UInt8]]) throws {
    let size = Store.chunkSize
    var number = 0
    // The fast way: the pieces are chunks already.
    if pieces.dropLast().allSatisfy({ $0.count == size }), pieces.last.map({ $0.count <= size }) ?? true {
      for piece in pieces where !piece.isEmpty {
        try insertChunk(of: body, number, piece[...])
        number += 1
      }
      return
    }
    var rest: [UInt8] = []
    for piece in pieces {
      rest += piece
      var start = 0
      while rest.count - start >= size {
        try insertChunk(of: body, number, rest[start..<start + size])
        number += 1
        start += size
      }
      rest.removeFirst(start)
    }
    if !rest.isEmpty { try insertChunk(of: body, number, rest[...]) }
  }

  private func insertChunk(of body: BodyID, _ number: Int, _ bytes: ArraySlice<UInt8>) throws {
    guard number < Chunks.limit else { throw StoreError.misuse("a body of more than \(Chunks.limit) chunks") }
    try database.run("INSERT INTO chunk VALUES(?, ?)", .int(Chunks.key(body, number)), blob: bytes)
  }

  // MARK: Staging

  /// Writes chunks of a body on its way in.
  /// - Parameter id: `nil` for the first ones.
  mutating func stage(_ id: BodyID?, from number: Int, _ chunks: [[UInt8]]) throws -> BodyID {
    let body: BodyID
    if let id {
      body = id
    } else {
      body = BodyID(try core.newID())
      try database.run("INSERT INTO staging VALUES(?)", .id(body))
    }
    for (offset, chunk) in chunks.enumerated() { try insertChunk(of: body, number + offset, chunk[...]) }
    return body
  }

  /// Gives a staged body to the reaper, if it was not used.
  mutating func abandonStaged(_ id: BodyID) throws {
    try database.run("DELETE FROM staging WHERE body = ?", .id(id))
    guard database.changes == 1 else { return }
    try database.run("INSERT OR IGNORE INTO carcass VALUES(?)", .id(id))
    core.pending.hasGarbage = true
  }
}

/// The keys of chunks: the body's id, and 16 bits for the number.
enum Chunks {
  static let limit = 65_536

  static func key(_ body: BodyID, _ number: Int) -> Int64 { body.value << 16 | Int64(number) }
}
