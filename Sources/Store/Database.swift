internal import CSQLite
internal import Platform

/// One connection to the database: a thin layer over SQLite's C interface with a cache of prepared statements.
///
/// Used by one thread at a time; SQLite is told so (`SQLITE_OPEN_NOMUTEX`).
final class Database {
  /// What a connection is for decides its settings.
  enum Role {
    case writer, reader, checkpointer
  }

  static let pageSize = 4096

  let handle: OpaquePointer
  private var cache: [Int: Statement] = [:]
  private var isClosed = false
  /// While true, every statement must find a transaction open: after some errors SQLite has rolled it back already, and
  /// what follows would commit by itself.
  var needsTransaction = false

  /// - Parameter vfs: the name of another SQLite file layer; tests use one that fails.
  init(path: String, role: Role, vfs: String? = nil) throws {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    let frozen = Opening.frozenName(path)
    let layer = role == .writer ? GatheredLog.layer(over: vfs) : vfs
    let code = sqlite3_open_v2(frozen ?? path, &opened, frozen == nil ? flags : flags | SQLITE_OPEN_URI, layer)
    guard let opened else { throw StoreError.file(path: path, "no memory to open the database") }
    handle = opened
    guard code == SQLITE_OK else { throw failure(code) }
    try configure(role)
  }

  deinit { close() }

  /// Closes the connection; it must not be used afterwards.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    cache.removeAll()
    sqlite3_close_v2(handle)
  }

  private func configure(_ role: Role) throws {
    sqlite3_busy_timeout(handle, 5000)
    try execute(
      """
      PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;
      PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA secure_delete=FAST;
      """)
    switch role {
    case .writer: try execute("PRAGMA cache_size=-16384; PRAGMA journal_size_limit=67108864")
    case .reader: try execute("PRAGMA cache_size=-8192; PRAGMA query_only=ON")
    case .checkpointer: try execute("PRAGMA cache_size=-512")
    }
    #if DEBUG
      if Mutation.noSync.isOn { return try execute("PRAGMA synchronous=OFF") }
    #endif
    // 2 is FULL: the promise to those who were told yes hangs on it.
    guard try pragma("synchronous") == 2 else { throw StoreError.damaged("SQLite does not take synchronous=FULL") }
  }

  /// Whether the file can only be read.
  var isReadOnly: Bool { sqlite3_db_readonly(handle, "main") == 1 }

  /// Whether a transaction is open.
  var inTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Rows that the last statement inserted, changed or deleted.
  var changes: Int { Int(sqlite3_changes64(handle)) }

  /// The store's error for a result code, with SQLite's words.
  func failure(_ code: Int32) -> StoreError {
    let words = String(cString: sqlite3_errmsg(handle))
    switch code & 0xff {
    case SQLITE_FULL: return .diskFull
    case SQLITE_CORRUPT, SQLITE_NOTADB: return .damaged(words)
    default: return .sql(code: code, words)
    }
  }

  /// Runs statements without parameters, and throws away what they answer.
  func execute(_ sql: String) throws {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw failure(code) }
  }

  /// Runs one statement without parameters from the cache: for `BEGIN` and the like, and therefore needs no transaction.
  func command(_ sql: StaticString) throws {
    let statement = try prepared(sql)
    defer { statement.reset() }
    let code = sqlite3_step(statement.handle)
    if code != SQLITE_DONE && code != SQLITE_ROW { throw failure(code) }
  }

  /// The number a pragma answers with.
  func pragma(_ name: String) throws -> Int {
    try dynamic("PRAGMA \(name)", []) { $0.int(0) }.first ?? 0
  }

  /// Runs a statement that answers nothing.
  func run(_ sql: StaticString, _ values: Value...) throws {
    let statement = try begin(sql, values)
    defer { statement.end() }
    while try statement.step() {}
    if needsTransaction { faultPoint(.duringCommit) }
  }

  /// Runs a statement whose last parameter is a large blob, without copying it.
  func run(_ sql: StaticString, _ values: Value..., blob: ArraySlice<UInt8>) throws {
    let statement = try begin(sql, values)
    defer { statement.end() }
    try blob.withUnsafeBytes { bytes in
      // An empty buffer may have no address, and a null pointer would bind NULL.
      let code =
        bytes.isEmpty
        ? sqlite3_bind_zeroblob(statement.handle, Int32(values.count + 1), 0)
        : sqlite3_bind_blob64(
          statement.handle, Int32(values.count + 1), bytes.baseAddress, sqlite3_uint64(bytes.count), nil)
      if code != SQLITE_OK { throw failure(code) }
      while try statement.step() {}
      // The bytes end with this closure: SQLite must not look at them again.
      sqlite3_clear_bindings(statement.handle)
    }
    if needsTransaction { faultPoint(.duringCommit) }
  }

  /// Calls a closure for each row of the answer.
  func each(_ sql: StaticString, _ values: Value..., row: (Row) throws -> Void) throws {
    let statement = try begin(sql, values)
    defer { statement.end() }
    while try statement.step() { try row(Row(handle: statement.handle)) }
  }

  /// Calls a closure for each row of the answer, until it says `false`.
  func eachWhile(_ sql: StaticString, _ values: Value..., row: (Row) throws -> Bool) throws {
    let statement = try begin(sql, values)
    defer { statement.end() }
    while try statement.step(), try row(Row(handle: statement.handle)) {}
  }

  /// The rows of the answer.
  func all<T>(_ sql: StaticString, _ values: Value..., row: (Row) throws -> T) throws -> [T] {
    let statement = try begin(sql, values)
    defer { statement.end() }
    var result: [T] = []
    while try statement.step() { result.append(try row(Row(handle: statement.handle))) }
    return result
  }

  /// The first row of the answer.
  func first<T>(_ sql: StaticString, _ values: Value..., row: (Row) throws -> T) throws -> T? {
    let statement = try begin(sql, values)
    defer { statement.end() }
    return try statement.step() ? try row(Row(handle: statement.handle)) : nil
  }

  /// The first column of the first row as a number; 0 without a row.
  func number(_ sql: StaticString, _ values: Value...) throws -> Int {
    let statement = try begin(sql, values)
    defer { statement.end() }
    return try statement.step() ? Row(handle: statement.handle).int(0) : 0
  }

  /// As ``all(_:_:row:)`` for statements that are put together at run time; never cached.
  func dynamic<T>(_ sql: String, _ values: [Value], row: (Row) throws -> T) throws -> [T] {
    let statement = try Statement(sql, database: self, flags: 0)
    try statement.bind(values)
    var result: [T] = []
    while try statement.step() { result.append(try row(Row(handle: statement.handle))) }
    return result
  }

  private func begin(_ sql: StaticString, _ values: [Value]) throws -> Statement {
    var statement = try prepared(sql)
    // A closure called for a row may run the same statement again: it gets one of its own.
    if statement.isBusy { statement = try Statement("\(sql)", database: self, flags: 0) }
    statement.isBusy = true
    do {
      try statement.bind(values)
    } catch {
      statement.end()
      throw error
    }
    return statement
  }

  /// Cached by the address of the literal: every place in the program that runs a statement has its own.
  private func prepared(_ sql: StaticString) throws -> Statement {
    let key = Int(bitPattern: sql.utf8Start)
    if let statement = cache[key] { return statement }
    let statement = try Statement("\(sql)", database: self, flags: UInt32(SQLITE_PREPARE_PERSISTENT))
    cache[key] = statement
    return statement
  }
}

/// A prepared statement.
final class Statement {
  let handle: OpaquePointer
  /// A statement never outlives the connection: the connection owns it, or the function that made it.
  private unowned let database: Database
  var isBusy = false

  init(_ sql: String, database: Database, flags: UInt32) throws {
    var prepared: OpaquePointer?
    let code = sqlite3_prepare_v3(database.handle, sql, -1, flags, &prepared, nil)
    guard code == SQLITE_OK, let prepared else { throw database.failure(code) }
    handle = prepared
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  func bind(_ values: [Value]) throws {
    for (index, value) in values.enumerated() {
      let code = value.bind(to: handle, at: Int32(index + 1))
      if code != SQLITE_OK { throw database.failure(code) }
    }
  }

  /// - Returns: whether there is a row.
  func step() throws -> Bool {
    if database.needsTransaction && !database.inTransaction {
      throw StoreError.sql(code: SQLITE_ABORT, "the transaction was rolled back by an earlier error")
    }
    let code = sqlite3_step(handle)
    switch code {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw database.failure(code)
    }
  }

  func reset() { sqlite3_reset(handle) }

  func end() {
    sqlite3_reset(handle)
    isBusy = false
  }
}

/// A parameter of a statement.
enum Value {
  case int(Int64)
  case text(String)
  case blob([UInt8])
  case null

  static func int(_ number: Int) -> Value { .int(Int64(number)) }
  static func int(_ number: UInt32) -> Value { .int(Int64(number)) }
  static func id<Kind>(_ id: Identifier<Kind>) -> Value { .int(id.value) }
  static func optional(_ number: Int64?) -> Value { number.map { .int($0) } ?? .null }
  static func optional(_ text: String?) -> Value { text.map { .text($0) } ?? .null }
  static func optional<Kind>(_ id: Identifier<Kind>?) -> Value { id.map { .int($0.value) } ?? .null }
  /// Empty bytes are kept as NULL, which costs nothing.
  static func sparse(_ bytes: [UInt8]) -> Value { bytes.isEmpty ? .null : .blob(bytes) }

  func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
    // SQLite's way to say "copy it now" is a destructor with the address -1.
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    switch self {
    case .int(let number): return sqlite3_bind_int64(statement, index, number)
    case .null: return sqlite3_bind_null(statement, index)
    case .text(var text):
      return text.withUTF8 { bytes in
        guard let base = bytes.baseAddress else { return sqlite3_bind_text(statement, index, "", 0, copied) }
        return base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
          sqlite3_bind_text64(
            statement, index, $0, sqlite3_uint64(bytes.count), copied, UInt8(SQLITE_UTF8))
        }
      }
    case .blob(let bytes):
      guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, index, 0) }
      return bytes.withUnsafeBytes {
        sqlite3_bind_blob64(statement, index, $0.baseAddress, sqlite3_uint64($0.count), copied)
      }
    }
  }
}

/// The current row of a statement; good until the next step.
struct Row {
  let handle: OpaquePointer

  func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }
  func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  func uint32(_ column: Int32) -> UInt32 { UInt32(clamping: sqlite3_column_int64(handle, column)) }
  func id<Kind>(_ column: Int32) -> Identifier<Kind> { Identifier(int64(column)) }
  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
  func optionalInt64(_ column: Int32) -> Int64? { isNull(column) ? nil : int64(column) }
  func optionalID<Kind>(_ column: Int32) -> Identifier<Kind>? { isNull(column) ? nil : id(column) }
  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  func text(_ column: Int32) -> String {
    guard let bytes = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  func blob(_ column: Int32) -> [UInt8] { withBlob(column) { Array($0) } }

  /// The bytes of a blob without a copy.
  func withBlob<T>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
    let bytes = sqlite3_column_blob(handle, column)
    return try body(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
  }
}
