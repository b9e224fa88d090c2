extension FuzzTarget {
  /// All targets. A new one is a line here and a file beside this one.
  static let all: [FuzzTarget] = [
    smtpServer, smtpContent, smtpClient, smtpGrammar, sasl, scramClient, imapSession, imapCommands, imapNames, uidSets,
    mime, structures,
    mimeFields, header, addresses, dates, received, encodedWords, charsets, transfer, configuration, proxy, lines,
    dnsRecords, dnsNames, transportPolicies, httpResponse, returnAddresses, tokens, archives, helpers,
    spf, signatures, authenticationRecords,
  ]
}
