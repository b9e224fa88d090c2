/// What there is to say of a message's attachments.
struct AttachmentReport: Equatable, Sendable {
  enum Danger: String, Sendable, CaseIterable {
    /// It runs when it is opened, or hides that it does.
    case executable
    /// An Office file with macros.
    case macros
    /// An archive or document that needs a password.
    case encrypted
    /// Damaged, too large or too deep to be looked into, or of a kind that is not.
    case unreadable
  }

  struct Finding: Equatable, Sendable {
    var danger: Danger
    /// The file's name, that of the archive it is in before it. A stranger's text.
    var file: String
    var reason: String
  }

  private(set) var findings: [Finding] = []
  /// Bytes of archives that were read, packed and unpacked ones: what looking into them has cost.
  var unpacked = 0

  /// Of each danger so many are told, each once.
  private static let most = 5

  mutating func add(_ danger: Danger, _ file: String, _ reason: String) {
    guard findings.count(where: { $0.danger == danger }) < Self.most else { return }
    let finding = Finding(danger: danger, file: String(file.prefix(200)), reason: reason)
    if !findings.contains(finding) { findings.append(finding) }
  }

  func first(_ danger: Danger) -> Finding? { findings.first { $0.danger == danger } }

  /// Whether something here could do harm when it is opened, as far as one can see.
  var couldExecute: Bool { !findings.isEmpty }
}
