/// What the name of a file says that it is.
enum FileEnding {
  /// A Windows machine, as most are, starts these when they are opened.
  static let executable: Set<String> = [
    "ade", "adp", "apk", "app", "appinstaller", "application", "appref-ms", "appx", "appxbundle", "bat", "cab", "cdxml",
    "chm", "cmd", "com", "command", "cpl", "csh", "desktop", "diagcab", "diagcfg", "diagpkg", "dll", "dmg", "drv",
    "exe",
    "fxp", "gadget", "hlp", "hta", "img", "inf", "ins", "iqy", "iso", "isp", "jar", "jnlp", "js", "jse", "ksh",
    "library-ms",
    "lnk", "mad", "maf", "mag", "mam", "maq", "mas", "mau", "mav", "maw", "mda", "mde", "mdt", "mdw", "mdz", "msc",
    "msh",
    "msh1", "mshxml", "msi", "msix", "msixbundle", "msp", "mst", "ocx", "one", "onepkg", "ops", "osd", "pcd", "pif",
    "pkg",
    "prf", "prg", "printerexport", "ps1", "ps1xml", "ps2", "psc1", "psd1", "psm1", "pyw", "pyz", "pyzw", "reg", "rgs",
    "run", "scf", "scr", "sct", "search-ms", "settingcontent-ms", "shb", "shs", "slk", "sys", "themepack", "udf", "url",
    "vb", "vbe", "vbs", "vhd", "vhdx", "vsmacros", "vsw", "vxd", "website", "wll", "ws", "wsc", "wsf", "wsh", "xbap",
    "xlam",
    "xll",
  ]

  /// Office files that carry macros by their kind.
  static let macro: Set<String> = [
    "docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "potm", "ppam", "ppsm", "sldm",
  ]

  /// Archives, by which their content is judged.
  static let archive: Set<String> = ["zip", "zipx", "rar", "7z", "arj", "lzh", "lha", "z", "gz", "tgz", "bz2", "xz"]

  /// Endings that people take for harmless.
  private static let harmless: Set<String> = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "rtf", "txt", "csv", "jpg", "jpeg", "png", "gif",
    "bmp", "tif", "tiff", "htm", "html", "xml", "mp3", "mp4", "avi", "mov", "wav", "zip", "eml", "msg", "ics", "vcf",
  ]

  /// The ending in lower case, without its dot; empty where there is none. Windows drops dots and spaces at the end, and so
  /// does this; a right-to-left mark does not hide one.
  static func of(_ name: some StringProtocol) -> String {
    let parts = pieces(name)
    return parts.count > 1 ? parts[parts.count - 1] : ""
  }

  /// Whether a harmless ending stands before one that can be started: `invoice.pdf.exe`.
  static func isDouble(_ name: some StringProtocol) -> Bool {
    let parts = pieces(name)
    guard parts.count > 2, executable.contains(parts[parts.count - 1]) else { return false }
    return harmless.contains(parts[parts.count - 2])
  }

  /// Whether the name turns the direction of writing, so that `exe.fdp` is read where `pdf.exe` stands.
  static func isTurned(_ name: some StringProtocol) -> Bool {
    name.unicodeScalars.contains { (0x202A...0x202E).contains($0.value) || (0x2066...0x2069).contains($0.value) }
  }

  private static func pieces(_ name: some StringProtocol) -> [String] {
    var bytes = Array(name.utf8.suffix(300))
    if let slash = bytes.lastIndex(where: { $0 == 0x2F || $0 == 0x5C }) { bytes.removeFirst(slash + 1) }
    while let last = bytes.last, last == 0x2E || last <= 0x20 { bytes.removeLast() }
    return bytes.split(separator: 0x2E, omittingEmptySubsequences: false).map { piece in
      // Spaces in front of the last ending push it out of sight.
      let trimmed = piece.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed()
      return String(decoding: trimmed.map(Token.lowercased), as: UTF8.self)
    }
  }
}
