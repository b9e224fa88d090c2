/// The gateway: it looks at a message on its way in and says for each recipient what shall become of it, and why.
///
///     envelope + content ──▶ checks, side by side (budget) ──▶ findings ─┐
///                        └─▶ facts ──▶ rules, in order ───────────────────┴─▶ a verdict a recipient, with its factors
///
/// ``GatewayJudge`` is MailFlow's `Judge`. Its checks (``ContentCheck``) are the classifier, attachments, clamd and milters; beside
/// them stand the administrator's own rules (``RuleJudge``, `[[rule]]` in `appliance.conf`). What they find is written
/// into the trace by MailFlow, in the transaction that files the message; a quarantined recipient is a state of the queue,
/// kept by MailFlow, not a place of this room. The classifier learns from mailboxes: ``TrainingObserver``, ``Trainer``.
///
/// How a rule is read:
/// - Rules are tried in the order of the file, for each recipient by itself. All conditions of a rule must hold; a
///   condition with several values holds when one of them does.
/// - The first rule that holds with `reject`, `quarantine` or `discard` decides. A rule with `tag` marks the message
///   and the next rules are tried too: several tags add up.
/// - `*` in a pattern stands for any characters; a pattern describes the whole address, file name or type. Upper and
///   lower case are the same everywhere.
/// - Header words are looked for in the decoded field (RFC 2047, folding undone, runs of white space as one space). A
///   word is found where it stands by itself: `sale` is not in `wholesale`. See ``Phrase``.
/// - File names are decoded (RFC 2231, RFC 2047) before they are compared, those inside attached messages too.
/// - What is not decided when the deadline comes counts as unknown: the verdict is made of the rules tried by then,
///   and a factor says how many were not.
public enum Filtering {}
