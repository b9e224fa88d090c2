extension Array where Element == MIMEParameter {
  /// The parameters with those that come in pieces put together (RFC 2231 §3), as BODYSTRUCTURE shows them (RFC 9051
  /// §7.5.2): `name*0` and `name*1` become `name`. Where a piece is encoded the whole is: `name*0*` and `name*1` become
  /// `name*`, with its charset as it was (RFC 2231 §4.1).
  ///
  /// What is no such piece, or stands behind a missing one, stays as it is.
  func joiningContinuations() -> [MIMEParameter] {
    let pieces = map { ParameterPiece($0) }
    guard pieces.contains(where: { $0 != nil }) else { return self }
    var numbered: [[UInt8]: [Int: Int]] = [:]
    for case (let position, let piece?) in pieces.enumerated() where numbered[piece.key]?[piece.number] == nil {
      numbered[piece.key, default: [:]][piece.number] = position
    }
    var result: [MIMEParameter] = []
    var isJoined = [Bool](repeating: false, count: count)
    for (position, parameter) in enumerated() {
      guard let piece = pieces[position], let places = numbered[piece.key] else {
        result.append(parameter)
        continue
      }
      guard piece.number == 0, places[0] == position else { continue }
      var run: [ParameterPiece] = []
      while let place = places[run.count], let next = pieces[place] {
        isJoined[place] = true
        run.append(next)
      }
      result.append(ParameterPiece.joined(run))
    }
    for (position, parameter) in enumerated() where pieces[position] != nil && !isJoined[position] {
      result.append(parameter)
    }
    return result
  }
}

/// One `name*2=value` or `name*2*=value`.
private struct ParameterPiece {
  let name: [UInt8]
  let number: Int
  let isEncoded: Bool
  let value: [UInt8]

  /// Names have no case.
  var key: [UInt8] { ASCII.lowercased(name) }

  init?(_ parameter: MIMEParameter) {
    var rest = Array(parameter.name.utf8)[...]
    isEncoded = rest.last == UInt8(ascii: "*")
    if isEncoded { rest.removeLast() }
    guard let star = rest.lastIndex(of: UInt8(ascii: "*")), star > rest.startIndex else { return nil }
    let digits = rest[(star + 1)...]
    // RFC 2231 §7: no number begins with 0 but 0 itself.
    guard (1...5).contains(digits.count), digits.allSatisfy(ASCII.isDigit),
      digits.count == 1 || digits.first != UInt8(ascii: "0")
    else { return nil }
    number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    name = Array(rest[..<star])
    value = parameter.value
  }

  static func joined(_ run: [ParameterPiece]) -> MIMEParameter {
    let name = String(decoding: run.first?.name ?? [], as: UTF8.self)
    guard run.contains(where: \.isEncoded) else { return MIMEParameter(name: name, value: run.flatMap(\.value)) }
    // Only the first piece can say charset'language'.
    let prefix = run.first?.isEncoded == true ? [] : Array("''".utf8)
    return MIMEParameter(name: name + "*", value: prefix + run.flatMap { $0.isEncoded ? $0.value : $0.percentEncoded })
  }

  private var percentEncoded: [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return value.flatMap { octet in
      ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "-")
        ? [octet] : [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
    }
  }
}
