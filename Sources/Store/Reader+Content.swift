extension Reader {
  public func content(_ id: ContentID) throws -> StoredContent? {
    try database.first(
      "SELECT id, body, header_size, body_size, facts FROM content WHERE id = ?", .id(id), row: Self.content)
  }

  static func content(_ row: Row) -> StoredContent {
    StoredContent(
      id: row.id(0), body: row.id(1), headerSize: row.int(2), bodySize: row.int(3), facts: row.int64(4))
  }

  /// - Returns: the columns asked for, the others empty; `nil` when the content is gone.
  public func columns(of id: ContentID, _ columns: FetchColumns) throws -> ContentColumns? {
    // A column that is not asked for is not looked at: its overflow pages stay untouched.
    try database.first(
      """
      SELECT CASE WHEN ?2 & 1 THEN envelope END, CASE WHEN ?2 & 2 THEN bodystructure END,
        CASE WHEN ?2 & 4 THEN structure END, CASE WHEN ?2 & 8 THEN bytes END FROM header WHERE id = ?1
      """, .id(id), .int(columns.rawValue)
    ) {
      ContentColumns(header: $0.blob(3), envelope: $0.blob(0), bodyStructure: $0.blob(1), structure: $0.blob(2))
    }
  }

  public func prefix(_ id: PrefixID) throws -> [UInt8]? {
    try database.first("SELECT bytes FROM prefix WHERE id = ?", .id(id)) { $0.blob(0) }
  }

  /// Bytes of a message with its copy's own header fields.
  func bytes(of content: StoredContent, prefix: [UInt8], from: Int, to end: Int) throws -> [UInt8] {
    let headerSize = prefix.count + content.headerSize
    var result: [UInt8] = []
    result.reserveCapacity(end - from)
    if from < prefix.count { result += prefix[from..<min(end, prefix.count)] }
    if from < headerSize, end > prefix.count {
      let header = try columns(of: content.id, .header)?.header ?? []
      guard header.count == content.headerSize else {
        throw StoreError.damaged("content \(content.id) has lost its header section")
      }
      result += header[max(from - prefix.count, 0)..<min(end - prefix.count, header.count)]
    }
    if end > headerSize {
      let start = max(from - headerSize, 0)
      try body(content.body, from: start, count: end - headerSize - start) { result.append(contentsOf: $0) }
    }
    guard result.count == end - from else {
      throw StoreError.damaged("content \(content.id) has lost chunks of its body")
    }
    return result
  }

  /// Bytes of a body, fewer at its end. For small pieces; streams use ``Store/open(_:prefix:)``.
  public func body(_ id: BodyID, from: Int, count: Int) throws -> [UInt8] {
    var result: [UInt8] = []
    try body(id, from: from, count: count) { result.append(contentsOf: $0) }
    return result
  }

  /// The same as the database has them, chunk by chunk, without a copy.
  public func body(
    _ id: BodyID, from: Int, count: Int, _ take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard from >= 0, count > 0 else { return }
    let first = from / Store.chunkSize
    var skip = from % Store.chunkSize
    var rest = count
    let (sum, overflow) = skip.addingReportingOverflow(count - 1)
    let last = overflow ? Chunks.limit - 1 : min(first + sum / Store.chunkSize, Chunks.limit - 1)
    guard first <= last else { return }
    try database.each(
      "SELECT data FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id", .int(Chunks.key(id, first)),
      .int(Chunks.key(id, last))
    ) { row in
      try row.withBlob(0) { bytes in
        let start = min(skip, bytes.count)
        let piece = bytes[start..<min(start + rest, bytes.count)]
        rest -= piece.count
        try take(UnsafeRawBufferPointer(rebasing: piece))
      }
      skip = 0
    }
  }
}
