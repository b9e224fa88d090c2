/// The writer's side of one transaction, as a closure given to ``Store/write(_:expected:_:)`` sees it.
public struct Transaction: ~Copyable {
  let core: WriterCore

  init(_ core: WriterCore) { self.core = core }

  var database: Database { core.database }

  /// The generation of the configuration in force (``Store/setGeneration(_:)``): compare it with the one planned with.
  public var generation: Int { core.generation() }

  /// Looks at everything a reader can see, including what this transaction has done so far.
  public mutating func read<T>(_ body: (borrowing Reader) throws -> T) throws -> T {
    try core.flush()
    return try body(Reader(database, core.hashes))
  }

  /// For look-ups in rows whose changes are not gathered in memory.
  var rows: Reader { Reader(database, core.hashes) }
}
