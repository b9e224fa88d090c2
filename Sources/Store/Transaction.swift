/// The writer's side of one transaction, as a closure given to ``Store/write(_:_:)`` sees it.
public struct Transaction: ~Copyable {
  init() {}

  /// The generation of the configuration in force (``Store/setGeneration(_:)``): compare it with the one planned with.
  public var generation: Int { 0 }

  /// Looks at everything a reader can see, including what this transaction has done so far.
  public mutating func read<T>(_ body: (borrowing Reader) throws -> T) throws -> T { throw StoreError.closed }
}
