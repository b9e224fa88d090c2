extension Assembly {
  func spam() -> Configuration.Spam {
    typealias Keys = Schema.SpamTable
    let table = root.table(Keys.schema)
    return Configuration.Spam(
      enabled: table.read(Keys.enabled), learn: table.read(Keys.learn), junkScore: table.read(Keys.junkScore),
      minimumLessons: table.read(Keys.minimumLessons))
  }

  func attachments() -> Configuration.Attachments {
    typealias Keys = Schema.AttachmentsTable
    let table = root.table(Keys.schema)
    return Configuration.Attachments(
      executables: table.read(Keys.executables), macros: table.read(Keys.macros),
      encrypted: table.read(Keys.encrypted), unreadable: table.read(Keys.unreadable))
  }

  func clamd() -> Configuration.Clamd? {
    typealias Keys = Schema.ClamdTable
    let table = root.table(Keys.schema)
    let (place, timeLimit, sizeLimit) = (
      table.read(Keys.socket), table.read(Keys.timeLimit), table.read(Keys.sizeLimit)
    )
    let (infected, whenDown, patience) = (
      table.read(Keys.infected), table.read(Keys.whenDown), table.read(Keys.patience)
    )
    return place.map {
      Configuration.Clamd(
        place: $0, timeLimit: timeLimit, sizeLimit: sizeLimit, infected: infected, whenDown: whenDown,
        patience: patience)
    }
  }

  func milters() -> [Configuration.Milter] {
    typealias Keys = Schema.MilterTable
    return root.tables(Keys.schema).compactMap { section in
      let (name, place) = (section.read(Keys.name), section.read(Keys.socket))
      let (limit, whenDown, own) = (
        section.read(Keys.timeLimit), section.read(Keys.whenDown), section.read(Keys.includesOwn)
      )
      guard let name, let place else { return nil }
      return Configuration.Milter(name: name, place: place, timeLimit: limit, whenDown: whenDown, includesOwn: own)
    }
  }
}
