/// One read transaction, as a closure given to ``Store/read(_:)`` sees it.
public struct Reader: ~Copyable {
  let database: Database
  let hashes: HashTail

  init(_ database: Database, _ hashes: HashTail) {
    self.database = database
    self.hashes = hashes
  }
}
