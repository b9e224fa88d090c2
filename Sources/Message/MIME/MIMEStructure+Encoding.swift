extension MIMEStructure {
  /// The structure as compact bytes, for the store.
  public func encoded() -> [UInt8] { [0] }

  /// Reads what ``encoded()`` wrote. nil if it is damaged or of a version that this program does not know: scan again then.
  public init?(encoded: some Collection<UInt8>) { return nil }
}
