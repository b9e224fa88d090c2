extension Assembly {
  func authentication() -> Configuration.Authentication {
    typealias Keys = Schema.AuthenticationTable
    let table = root.table(Keys.schema)
    return Configuration.Authentication(
      incoming: table.read(Keys.incoming), trustedSealers: Set(table.read(Keys.trustedSealers).map { $0.lowercased() }))
  }
}
