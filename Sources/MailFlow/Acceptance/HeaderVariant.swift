internal import Message

extension Tag {
  /// The header section with this mark: its fields on top, its words before the subject.
  func applied(to header: HeaderSection) -> [UInt8] {
    var marked = header
    if let subjectPrefix, !subjectPrefix.isEmpty {
      let subject = header.text("Subject") ?? ""
      if !subject.contains(subjectPrefix) {
        marked = HeaderSection(header.tagging(name: "Subject", with: subjectPrefix))
      }
    }
    let lines = fields.flatMap { HeaderSection.field(name: $0.name, value: $0.value) }
    return lines.isEmpty ? marked.bytes : marked.prepending(lines)
  }
}
