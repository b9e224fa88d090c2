extension Schema {
  enum AuthenticationTable {
    static let incoming = Setting(
      "incoming", Configuration.Authentication.Incoming.enforce,
      #""enforce": SPF, DKIM, DMARC and ARC of mail from other servers are checked, what was found is written into it "#
        + "(Authentication-Results), mail whose author's domain asks for it (DMARC) is refused or filed in Junk, and mail "
        + #"without an author or with several is refused; "mark": checked and written into it, no more; "off": nothing."#
    )
    static let trustedSealers = Setting(
      "trusted-sealers", .list(of: Kind<String>.domainName, count: 0...1000), [], written: "[]",
      "Domains of mailing lists and forwarders whose word (ARC) is believed that a message was genuine before they "
        + "changed it: mail that all of them sealed is not refused.")
    static let schema = TableSchema(
      "authentication", "Who sent the mail that comes from other servers.", keys: [incoming, trustedSealers])
  }
}
