extension Assembly {
  /// Reports every alias or group that leads back to itself, once for each circle.
  func findCircles(_ people: People) {
    var edges: [String: [Configuration.Address]] = [:]
    var lines: [String: Int] = [:]
    func add(_ address: Configuration.Address, _ members: [Configuration.Member], line: Int) {
      lines[address.key] = line
      edges[address.key] = members.compactMap { member in
        guard case .inside(let target) = member else { return nil }
        if people.owners[target.key] != nil { return target }
        return people.base(of: target)
      }
    }
    for alias in people.aliases { add(alias.value.address, alias.value.targets, line: alias.line) }
    for group in people.groups { add(group.value.address, group.value.members, line: group.line) }

    var done: Set<String> = []
    // Depth first with a stack of its own: a long chain of aliases must not be a deep recursion.
    for start in edges.keys.sorted(by: { (lines[$0] ?? 0, $0) < (lines[$1] ?? 0, $1) }) where !done.contains(start) {
      var path: [(key: String, next: Int)] = [(start, 0)]
      var onPath: Set<String> = [start]
      while let (key, next) = path.last {
        let targets = edges[key] ?? []
        guard next < targets.count else {
          path.removeLast()
          onPath.remove(key)
          done.insert(key)
          continue
        }
        path[path.count - 1].next += 1
        let target = targets[next].key
        if onPath.contains(target), let from = path.firstIndex(where: { $0.key == target }) {
          let circle = path[from...].map(\.key) + [target]
          findings.error(
            lines[key] ?? 0, "aliases and groups run in a circle: \(circle.joined(separator: " → "))",
            "remove \(target) from \(key)")
        } else if !done.contains(target), edges[target] != nil {
          path.append((target, 0))
          onPath.insert(target)
        }
      }
    }
  }
}
