/// What the classifier counts: a word, a host of a link, a property of a part. Kept as 48 bits of
/// a hash, for nothing ever needs the word itself again, and mail is not to be read in the table of counts.
///
/// 48 bits are what SQLite stores in six bytes. In a table of a million tokens one look-up in 280 million meets a
/// stranger's count by chance, which no verdict notices; who would make one on purpose can as well write the other word.
enum Token {
  static let mask: UInt64 = 0xFFFF_FFFF_FFFF

  /// Where a token was found. The same word in a subject and in a text are two tokens.
  enum Place: UInt64 {
    case text = 0x9AE1_6A3B_2F90_404F
    case subject = 0xC3A5_C85C_97CB_3127
    case field = 0xB492_B66F_BE98_F273
    case fieldName = 0x9DDF_EA08_EB38_2D69
    case link = 0x8648_DBDB_E5A1_7C1B
    case markup = 0xC949_A7F2_8D3E_0B65
    case part = 0xF1BB_CDCB_FA53_E0B3
    case capitals = 0xE703_7ED1_A0B4_28DB
    case length = 0xA0D3_2C41_6A1E_9D57
  }

  /// A hash that goes on byte by byte (FNV-1a).
  @inline(__always)
  static func adding(_ byte: UInt8, to hash: UInt64) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }

  @inline(__always)
  static func adding(number value: UInt64, to hash: UInt64) -> UInt64 {
    (hash ^ value ^ (value >> 29)) &* 0x9E37_79B9_7F4A_7C15
  }

  static func adding(_ bytes: some Sequence<UInt8>, to hash: UInt64) -> UInt64 {
    bytes.reduce(hash) { adding($1, to: $0) }
  }

  /// The same for letters of either case.
  static func addingLowercased(_ bytes: some Sequence<UInt8>, to hash: UInt64) -> UInt64 {
    bytes.reduce(hash) { adding(lowercased($1), to: $0) }
  }

  /// The token of a hash: all of its bits count in those that are kept. Never 0.
  @inline(__always)
  static func finished(_ hash: UInt64) -> UInt64 {
    var mixed = hash
    mixed ^= mixed >> 33
    mixed = mixed &* 0xFF51_AFD7_ED55_8CCD
    mixed ^= mixed >> 29
    return max(mixed & mask, 1)
  }

  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }
}
