/// # MailAuthentication: whose mail this is
///
/// What proves, or keeps provable, who sent a message, as functions over addresses and messages; no policy.
///
/// - SRS (the Sender Rewriting Scheme): a forwarded message leaves with a reverse-path of ours, so that SPF holds at the next
///   server, and a notification about it finds its way back. See ``SenderRewriting``.
enum MailAuthentication {}
