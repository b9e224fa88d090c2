internal import Message

extension Tag {
  /// The header section with this mark: its fields on top, its words before the subject.
  func applied(to header: HeaderSection) -> [UInt8] {
    var marked = header
    if let subjectPrefix, !subjectPrefix.isEmpty {
      let subject = header.text("Subject") ?? ""
      if !subject.contains(subjectPrefix) {
        let joined = subject.isEmpty ? subjectPrefix : "\(subjectPrefix) \(subject)"
        marked = HeaderSection(header.replacing(name: "Subject", value: joined))
      }
    }
    let lines = fields.flatMap { HeaderSection.field(name: $0.name, value: $0.value) }
    return lines.isEmpty ? marked.bytes : marked.prepending(lines)
  }
}
