internal import MailFlow
internal import Message

/// Looks at a message's attachments: names, first bytes, and what is in zip archives, archives in them once.
///
/// Everything is bounded: the parts that are looked at, the bytes of a directory, the archives in archives, and what is read and
/// unpacked of all of them together. What exceeds a bound is reported as not to be looked into; nothing is reported as harmless
/// because there was too much of it.
struct AttachmentInspector {
  /// Parts that are looked at.
  private static let partLimit = 200

  var report = AttachmentReport()
  /// Archives in archives that were looked into.
  var innerArchives = 0
  /// Files of archives whose names were looked at.
  var names = 0

  /// - Throws: what reading the content throws, and `CancellationError`.
  static func inspect(_ content: ReceivedContent) async throws -> AttachmentReport {
    var inspector = AttachmentInspector()
    var seen = 0
    for part in content.structure.parts where part.kind == .leaf || part.kind == .opaque {
      if part.kind == .opaque {
        inspector.report.add(.unreadable, "message", "it has more parts, or deeper ones, than are looked at")
        continue
      }
      guard needsLook(part) else { continue }
      seen += 1
      guard seen <= partLimit else {
        inspector.report.add(.unreadable, "message", "it has more than \(partLimit) attachments")
        break
      }
      try await inspector.inspect(part, content.body)
    }
    return inspector.report
  }

  /// Whether a message has parts that need a look.
  static func applies(to structure: MIMEStructure) -> Bool {
    structure.parts.contains { $0.kind == .opaque || ($0.kind == .leaf && needsLook($0)) }
  }

  /// Text without a name that says it is a file is no attachment.
  private static func needsLook(_ part: MIMEPart) -> Bool {
    !part.body.isEmpty && (!part.type.matches("text") || part.fileName != nil || part.disposition?.isAttachment == true)
  }

  private mutating func inspect(_ part: MIMEPart, _ body: ReceivedBody) async throws {
    let name = part.fileName ?? part.type.name
    judgeName(name, file: name)
    guard var reader = PartReader(part, body) else {
      return report.add(.unreadable, name, "nobody knows its encoding \(part.encoding.name)")
    }
    let head = try await reader.bytes(from: 0, count: FileKind.headLength)
    switch FileKind(head[...]) {
    case .zip:
      var archive = ArchiveBytes.part(reader)
      try await inspectZip(&archive, name)
    case .compound: try await inspectCompound(&reader, name, head)
    case let kind: judge(kind, file: name, name: name)
    }
  }

  // MARK: One file

  mutating func judgeName(_ name: String, file: String) {
    let ending = FileEnding.of(name)
    if FileEnding.isDouble(name) {
      report.add(.executable, file, "its name hides the ending .\(ending) behind another one")
    } else if FileEnding.executable.contains(ending) {
      report.add(.executable, file, "a file that ends in .\(ending) runs when it is opened")
    } else if FileEnding.isTurned(name) {
      report.add(.executable, file, "its name changes the direction of writing, which hides its ending")
    } else if FileEnding.macro.contains(ending) {
      report.add(.macros, file, "a file that ends in .\(ending) has macros")
    }
  }

  mutating func judge(_ kind: FileKind, file: String, name: String) {
    switch kind {
    case .program: report.add(.executable, file, "its first bytes are those of a program")
    case .script where FileEnding.of(name) != "txt": report.add(.executable, file, "its first line starts a script")
    case .shortcut: report.add(.executable, file, "it is a shortcut, which can start anything")
    case .archive(let format):
      report.add(.unreadable, file, "it is an archive of the format \(format), which is not looked into")
    case .script, .zip, .compound, .other: break
    }
  }

  private mutating func inspectCompound(_ reader: inout PartReader, _ name: String, _ head: [UInt8]) async throws {
    var copy = reader
    let file = try await CompoundFile.read(header: Array(head.prefix(CompoundFile.headerLength))) { offset, count in
      try await copy.bytes(from: offset, count: count)
    }
    reader = copy
    judge(file, name)
  }

  private mutating func judge(_ file: CompoundFile, _ name: String) {
    if file.hasMacros { report.add(.macros, name, "it is an Office file with macros") }
    if file.isEncrypted { report.add(.encrypted, name, "it is an Office file that needs a password") }
    if !file.isComplete { report.add(.unreadable, name, "its directory cannot be read") }
  }
}
