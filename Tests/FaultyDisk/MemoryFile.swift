/// One file as three see it: the process, the disk, and what lies between them.
struct MemoryFile {
  enum Change {
    case write(at: Int, [UInt8])
    case truncate(Int)
    case delete
  }

  /// What the process sees; `nil`: no such file.
  private(set) var content: [UInt8]?
  /// What is there after a power cut.
  private(set) var durable: [UInt8]?
  /// What happened since the last sync.
  private(set) var unsynced: [Change] = []

  init(content: [UInt8]? = nil) {
    self.content = content
    durable = content
  }

  mutating func make() { if content == nil { content = [] } }

  mutating func change(_ change: Change) {
    Self.apply(change, to: &content)
    unsynced.append(change)
  }

  mutating func sync() {
    for change in unsynced { Self.apply(change, to: &durable) }
    if content != nil, durable == nil { durable = [] }
    unsynced = []
  }

  /// The folder is synced: if the file was deleted, it is gone for good.
  mutating func syncDeletion() {
    let last = unsynced.lastIndex { if case .delete = $0 { true } else { false } }
    guard let last else { return }
    durable = nil
    unsynced.removeFirst(last + 1)
  }

  /// What was to be synced never comes to the disk, and nobody will try again.
  mutating func lose() { unsynced = [] }

  /// The file after a power cut that let each change come through or not; a write also in parts.
  func survivor(_ random: inout SplitMix, likelihood: Double) -> [UInt8]? {
    var result = durable
    for change in unsynced {
      switch change {
      case .write(let offset, let bytes):
        for start in stride(from: 0, to: bytes.count, by: 512) {
          guard Double.random(in: 0..<1, using: &random) < likelihood else { continue }
          let piece = Array(bytes[start..<min(start + 512, bytes.count)])
          Self.apply(.write(at: offset + start, piece), to: &result)
        }
      case .truncate, .delete:
        if Double.random(in: 0..<1, using: &random) < likelihood { Self.apply(change, to: &result) }
      }
    }
    return result
  }

  private static func apply(_ change: Change, to content: inout [UInt8]?) {
    switch change {
    case .delete: content = nil
    case .truncate(let size):
      guard let count = content?.count, count > size else { return }
      content?.removeLast(count - size)
    case .write(let offset, let bytes):
      if content == nil { content = [] }
      let end = offset + bytes.count
      if content?.count == offset {
        content?.append(contentsOf: bytes)
        return
      }
      if let count = content?.count, count < end {
        content?.append(contentsOf: repeatElement(0, count: end - count))
      }
      bytes.withUnsafeBytes { source in
        content?.withUnsafeMutableBytes { target in
          UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyMemory(from: source)
        }
      }
    }
  }
}
