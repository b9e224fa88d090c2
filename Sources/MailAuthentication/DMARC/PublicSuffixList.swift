public import Resolver
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Under which names domains are given to different owners (https://publicsuffix.org/list/): the file of Debian's package
/// `publicsuffix`, with both its parts.
public struct PublicSuffixList: Sendable {
  /// Where Debian keeps it.
  public static let path = "/usr/share/publicsuffix/public_suffix_list.dat"
  /// A larger file is not the list.
  private static let largest = 8 << 20

  private var rules: Set<String> = []
  /// `*.ck` is here as `ck`.
  private var wildcards: Set<String> = []
  /// `!www.ck` is here as `www.ck`.
  private var exceptions: Set<String> = []

  /// How many rules there are. 0: every top-level domain counts as a public suffix, and no other name.
  public var count: Int { rules.count + wildcards.count + exceptions.count }

  /// - Parameter text: the list in its own format: a rule a line up to white space, `//` begins a comment.
  public init(_ text: String) {
    for line in text.utf8.split(separator: 10) {
      let rule = line.prefix { $0 != 32 && $0 != 9 && $0 != 13 }
      guard let first = rule.first, !rule.starts(with: "//".utf8) else { continue }
      if first == UInt8(ascii: "!") {
        Self.add(rule.dropFirst(), to: &exceptions)
      } else if rule.starts(with: "*.".utf8) {
        Self.add(rule.dropFirst(2), to: &wildcards)
      } else {
        Self.add(rule, to: &rules)
      }
    }
  }

  private static func add(_ name: Substring.UTF8View, to set: inout Set<String>) {
    let text = String(Substring(name))
    // The list has names as people write them.
    let isPlain = name.allSatisfy { $0 < 0x80 && !(65...90).contains($0) }
    if let name = isPlain ? text : DomainName(text)?.ascii { set.insert(name) }
  }

  /// `nil`: the file cannot be read.
  public init?(file path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= Self.largest {
      let count = read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece.prefix(count)
    }
    self.init(String(decoding: bytes, as: UTF8.self))
  }

  /// Whether the installed list can be read. Without it `a.co.uk` and `b.co.uk` look like one owner's.
  public static var isInstalled: Bool { access(path, R_OK) == 0 }

  /// The installed list, read once; an empty one where there is none.
  public static let installed = PublicSuffixList(file: path) ?? PublicSuffixList("")

  /// Whether two domains are one owner's, as far as the list knows (relaxed alignment, RFC 7489 §3.1).
  public func areOneOwners(_ one: DomainName, _ other: DomainName) -> Bool {
    one == other || organizationalDomain(of: one) == organizationalDomain(of: other)
  }

  /// The organisational domain (RFC 7489 §3.2): the public suffix and one label more. A public suffix is its own.
  public func organizationalDomain(of name: DomainName) -> DomainName {
    var current = name
    // The name one label longer than `current`.
    var longer = name
    while !current.isRoot {
      if exceptions.contains(current.ascii) { return current }
      guard let parent = current.parent else { break }
      if rules.contains(current.ascii) || wildcards.contains(parent.ascii) || parent.isRoot { return longer }
      longer = current
      current = parent
    }
    return longer
  }
}
