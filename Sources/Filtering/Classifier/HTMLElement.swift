/// What elements of HTML do to the text in them and around them. Their names are hashes of their letters in lower case.
struct HTMLElement: OptionSet {
  let rawValue: UInt8

  /// Words end at it: it begins a line, or takes up room in one. Of others, known or not, nothing is seen, so that the letters
  /// on both sides are one word.
  static let separates = HTMLElement(rawValue: 1)
  /// There are no tags in it.
  static let isRaw = HTMLElement(rawValue: 2)
  /// What is in it is text, though there are no tags.
  static let isText = HTMLElement(rawValue: 4)
  /// There are no tags in it, but character references.
  static let hasReferences = HTMLElement(rawValue: 8)
  /// Other rules hold in it: comments can be text there, and styles have tags.
  static let isForeign = HTMLElement(rawValue: 16)

  /// The hash of no letters.
  static let noName: UInt64 = 0xCBF2_9CE4_8422_2325
  static let script = name("script")
  static let plaintext = name("plaintext")

  static func named(_ name: UInt64) -> HTMLElement { known[name] ?? [] }

  private static func name(_ text: some StringProtocol) -> UInt64 { Token.adding(text.utf8, to: noName) }

  private static let known: [UInt64: HTMLElement] = {
    var known: [UInt64: HTMLElement] = [:]
    func add(_ element: HTMLElement, _ names: String) {
      for text in names.split(separator: " ") { known[name(text), default: []].formUnion(element) }
    }
    add(.isRaw, "script style iframe noembed noframes")
    add([.isRaw, .isText], "xmp plaintext")
    add([.isRaw, .isText, .hasReferences], "title textarea")
    add(.isForeign, "svg math")
    add(
      .separates,
      """
      address article aside audio blockquote body br button canvas caption center col colgroup dd details dialog dir div dl \
      dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe \
      img input legend li listing main math menu meter nav object ol optgroup option p plaintext pre progress search \
      section select summary svg table tbody td textarea tfoot th thead title tr ul video xmp
      """)
    return known
  }()

  /// Whatever separates names and attributes (HTML, §13.2.5): no other control character does.
  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D || byte == 0x0C
  }
}
