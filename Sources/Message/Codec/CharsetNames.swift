/// The character sets of mail: the names that senders write, and what `iconv` calls them.
///
/// A list of what is let through, so that a stranger's header cannot make the C library look for modules by names
/// of the stranger's choice. Some names mean more than they say: mail marked with a national set often has the
/// vendor's larger one.
enum CharsetNames {
  enum Target: Equatable {
    /// UTF-8 itself, and US-ASCII, which senders use for UTF-8 too.
    case utf8
    case iconv(String)
  }

  static func target(_ name: some StringProtocol) -> Target? {
    guard name.utf8.count <= 40 else { return nil }
    let letters = name.utf8.filter { ASCII.isLetter($0) || ASCII.isDigit($0) }
    let key = String(decoding: ASCII.lowercased(letters), as: UTF8.self)
    if let found = table[key] { return found == "UTF-8" ? .utf8 : .iconv(found) }
    return nil
  }

  /// Keys are names in lower case without punctuation.
  private static let table: [String: String] = {
    var table: [String: String] = [
      "utf8": "UTF-8", "usascii": "UTF-8", "ascii": "UTF-8", "ansix341968": "UTF-8", "unknown8bit": "UTF-8",
      "unicode11utf8": "UTF-8", "utf8mb4": "UTF-8",
      "utf7": "UTF-7", "unicode11utf7": "UTF-7", "utf16": "UTF-16", "utf16le": "UTF-16LE", "utf16be": "UTF-16BE",
      "utf32": "UTF-32", "utf32le": "UTF-32LE", "utf32be": "UTF-32BE", "ucs2": "UCS-2",
      // ISO 8859-1 mail comes with the quotes of windows-1252, ISO 8859-9 with those of windows-1254.
      "iso88591": "WINDOWS-1252", "latin1": "WINDOWS-1252", "l1": "WINDOWS-1252", "cp819": "WINDOWS-1252",
      "iso88599": "WINDOWS-1254", "latin5": "WINDOWS-1254", "iso8859": "WINDOWS-1252", "ansi": "WINDOWS-1252",
      "latin2": "ISO-8859-2", "latin9": "ISO-8859-15", "iso88598i": "ISO-8859-8", "iso88598e": "ISO-8859-8",
      "koi8r": "KOI8-R", "koi8u": "KOI8-U", "koi8": "KOI8-R", "koi8ru": "KOI8-RU",
      "macintosh": "MACINTOSH", "mac": "MACINTOSH", "xmacroman": "MACINTOSH", "maccyrillic": "MAC-CYRILLIC",
      "xmaccyrillic": "MAC-CYRILLIC",
      "gb2312": "GB18030", "gbk": "GB18030", "gb18030": "GB18030", "cp936": "GB18030", "ms936": "GB18030",
      "windows936": "GB18030", "euccn": "GB18030", "chinese": "GB18030", "xgbk": "GB18030",
      "iso2022cn": "ISO-2022-CN",
      "big5": "BIG5-HKSCS", "big5hkscs": "BIG5-HKSCS", "cp950": "CP950", "xxbig5": "BIG5-HKSCS", "euctw": "EUC-TW",
      "shiftjis": "CP932", "sjis": "CP932", "xsjis": "CP932", "cp932": "CP932", "ms932": "CP932",
      "mskanji": "CP932", "windows31j": "CP932", "eucjp": "EUC-JP-MS", "xeucjp": "EUC-JP-MS",
      "iso2022jp": "ISO-2022-JP-2", "iso2022jp1": "ISO-2022-JP-2", "iso2022jp2": "ISO-2022-JP-2",
      "iso2022jp3": "ISO-2022-JP-3", "iso2022jpms": "CP932",
      "euckr": "CP949", "ksc56011987": "CP949", "ksc5601": "CP949", "cp949": "CP949", "uhc": "CP949",
      "windows949": "CP949", "iso2022kr": "ISO-2022-KR", "johab": "JOHAB",
      "tis620": "CP874", "windows874": "CP874", "cp874": "CP874", "iso885911": "CP874", "viscii": "VISCII",
      "tcvn": "TCVN", "armscii8": "ARMSCII-8", "hproman8": "HP-ROMAN8",
    ]
    for number in [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16] { table["iso8859\(number)"] = "ISO-8859-\(number)" }
    for page in 1250...1258 {
      table["windows\(page)"] = "WINDOWS-\(page)"
      table["cp\(page)"] = "WINDOWS-\(page)"
      table["xcp\(page)"] = "WINDOWS-\(page)"
    }
    for page in [437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869] {
      table["cp\(page)"] = "CP\(page)"
      table["ibm\(page)"] = "CP\(page)"
    }
    return table
  }()
}
