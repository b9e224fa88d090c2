internal import Message

extension Tag {
  /// The header section with this mark: its fields on top, its words before the subject.
  func applied(to header: HeaderSection) -> [UInt8] {
    var marked = edits.reduce(header) { HeaderSection($1.applied(to: $0)) }
    if let subjectPrefix, !subjectPrefix.isEmpty {
      let subject = marked.text("Subject") ?? ""
      if !subject.contains(subjectPrefix) {
        marked = HeaderSection(marked.tagging(name: "Subject", with: subjectPrefix))
      }
    }
    let lines = fields.flatMap { HeaderSection.field(name: $0.name, value: $0.value) }
    return lines.isEmpty ? marked.bytes : marked.prepending(lines)
  }
}

extension Tag.Edit {
  fileprivate func applied(to header: HeaderSection) -> [UInt8] {
    let line = value.map { HeaderSection.field(name: name, value: $0) } ?? []
    var (result, seen, isDone): ([UInt8], Int, Bool) = ([], 0, false)
    for field in header {
      if field.isNamed(name) { seen += 1 }
      if !isDone, field.isNamed(name), seen == number {
        isDone = true
        result += line
      } else {
        result += field.bytes
      }
    }
    guard isDone else { return line.isEmpty ? header.bytes : header.prepending(line) }
    return result + header.bytes.suffix(header.terminatorLength)
  }
}
