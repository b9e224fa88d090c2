/// A stranger's bytes as harmless text for traces, logs and terminals.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls and octets that are no
/// UTF-8 come out escaped as `\n`-like or `\x1B` or `\u{202E}`; a backslash is doubled, so that an escape cannot be
/// forged. At most `limit` characters are shown, then `…`.
public func displayable(_ bytes: some Collection<UInt8>, limit: Int = 4096) -> String {
  Display.escape(Array(bytes), limit: limit)
}

/// The same for text.
public func displayable(_ text: some StringProtocol, limit: Int = 4096) -> String {
  Display.escape(Array(text.utf8), limit: limit)
}
