/// The tables, as their first version made them, and the steps from each version to the next.
///
/// Keys that grow with time touch few pages; so there is no index on a random key, except `hash`, which is filled late and in
/// order (``HashTail``).
enum Schema {
  /// "PstR": by it the file is known as ours.
  static let applicationID = 0x5073_7452

  /// Before the first table.
  static let settings = """
    PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;
    """

  /// `steps[n]` leads from version n to version n + 1.
  static let steps: [String] = [
    first, listing, transportSecurity, relaying, lessons, signing, greylisting, marks,
  ]

  private static let first = """
    CREATE TABLE sequence(name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO sequence VALUES('id', 1), ('uidvalidity', 1), ('fold', 0);

    -- Content: a header section (a row a variant) and a body (kept once).
    CREATE TABLE body(
      id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, size INTEGER NOT NULL,
      refs INTEGER NOT NULL /* contents */) STRICT;
    CREATE TABLE chunk(id INTEGER PRIMARY KEY /* body << 16 | number */, data BLOB NOT NULL) STRICT;
    CREATE TABLE content(
      id INTEGER PRIMARY KEY, body INTEGER NOT NULL,
      refs INTEGER NOT NULL /* entries, waiting recipients, rows of garbage */,
      header_size INTEGER NOT NULL, body_size INTEGER NOT NULL, facts INTEGER NOT NULL) STRICT;
    CREATE TABLE header(
      id INTEGER PRIMARY KEY /* of the content */, envelope BLOB, bodystructure BLOB, structure BLOB,
      bytes BLOB NOT NULL /* last, so that the others are read without it */) STRICT;
    CREATE TABLE prefix(
      id INTEGER PRIMARY KEY, refs INTEGER NOT NULL /* as of content */, bytes BLOB NOT NULL) STRICT;
    -- First 8 bytes of the SHA-256 of bodies and of Message-IDs of envelopes; the id tells which of them it is.
    CREATE TABLE hash(hash INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(hash, id)) STRICT, WITHOUT ROWID;
    -- A body on its way in; swept at start.
    CREATE TABLE staging(body INTEGER PRIMARY KEY) STRICT;
    -- A reference let go, for the reaper.
    CREATE TABLE garbage(id INTEGER PRIMARY KEY, mailbox INTEGER, content INTEGER, prefix INTEGER) STRICT;
    -- A body whose chunks must go, in slices.
    CREATE TABLE carcass(body INTEGER PRIMARY KEY) STRICT;

    CREATE TABLE mailbox(
      id INTEGER PRIMARY KEY, account TEXT /* NULL: deleted, its entries go in slices */, name TEXT NOT NULL,
      uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, messages INTEGER NOT NULL,
      unseen INTEGER NOT NULL, deleted INTEGER NOT NULL, bytes INTEGER NOT NULL, recent INTEGER NOT NULL,
      special TEXT) STRICT;
    CREATE UNIQUE INDEX mailbox_name ON mailbox(account, name);
    CREATE TABLE subscription(account TEXT, name TEXT, PRIMARY KEY(account, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE keyword(
      mailbox INTEGER NOT NULL REFERENCES mailbox, number INTEGER NOT NULL, name TEXT NOT NULL,
      PRIMARY KEY(mailbox, number)) STRICT, WITHOUT ROWID;
    CREATE TABLE entry(
      mailbox INTEGER NOT NULL REFERENCES mailbox, uid INTEGER NOT NULL, content INTEGER NOT NULL, prefix INTEGER,
      modseq INTEGER NOT NULL, flags INTEGER NOT NULL, at INTEGER NOT NULL /* seconds */,
      zone INTEGER NOT NULL /* minutes */, size INTEGER NOT NULL, PRIMARY KEY(mailbox, uid)) STRICT, WITHOUT ROWID;
    CREATE TABLE expunged(
      mailbox INTEGER NOT NULL REFERENCES mailbox, modseq INTEGER NOT NULL, uids BLOB NOT NULL,
      PRIMARY KEY(mailbox, modseq)) STRICT, WITHOUT ROWID;

    -- Envelopes, the queue, the trace. Times are microseconds since 1970.
    CREATE TABLE envelope(
      id INTEGER PRIMARY KEY, at INTEGER NOT NULL, origin TEXT NOT NULL, content INTEGER, sender TEXT, peer TEXT,
      helo TEXT, account TEXT, options BLOB, fingerprint INTEGER, reply INTEGER NOT NULL, message_id TEXT,
      subject TEXT, size INTEGER NOT NULL) STRICT;
    CREATE TABLE recipient(
      envelope INTEGER NOT NULL REFERENCES envelope, n INTEGER NOT NULL, address TEXT NOT NULL,
      state INTEGER NOT NULL, due INTEGER, destination TEXT, attempts INTEGER NOT NULL, attempting INTEGER, said TEXT,
      options BLOB, content INTEGER, prefix INTEGER, PRIMARY KEY(envelope, n)) STRICT, WITHOUT ROWID;
    CREATE INDEX recipient_due ON recipient(due, envelope, n) WHERE state <= 1 AND due IS NOT NULL;
    CREATE INDEX recipient_destination ON recipient(destination, due) WHERE state = 0;
    CREATE INDEX recipient_waiting ON recipient(envelope, n) WHERE state <= 2;
    CREATE TABLE trace(
      envelope INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, number INTEGER /* of the recipient */,
      state INTEGER /* that the recipient came into */, recipient TEXT, stage TEXT NOT NULL, what TEXT NOT NULL,
      words TEXT NOT NULL, PRIMARY KEY(envelope, n)) STRICT, WITHOUT ROWID;
    CREATE TABLE refusal(
      id INTEGER PRIMARY KEY, at INTEGER NOT NULL, peer TEXT NOT NULL, helo TEXT, sender TEXT, recipient TEXT,
      message_id TEXT, subject TEXT, stage TEXT NOT NULL, words TEXT NOT NULL, count INTEGER NOT NULL) STRICT;

    CREATE TABLE verifier(
      account TEXT PRIMARY KEY, salt BLOB NOT NULL, iterations INTEGER NOT NULL, stored_key BLOB NOT NULL,
      server_key BLOB NOT NULL, changed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE login(
      account TEXT, address TEXT, at INTEGER NOT NULL, PRIMARY KEY(account, address)) STRICT, WITHOUT ROWID;
    CREATE TABLE setting(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    """

  private static let listing = """
    -- See `Cards.swift`.
    CREATE TABLE card(
      id INTEGER PRIMARY KEY /* mailbox << 32 | uid */, facts INTEGER NOT NULL, envelope BLOB, bodystructure BLOB,
      fields BLOB) STRICT;
    -- Whose card goes with the reference.
    ALTER TABLE garbage ADD COLUMN uid INTEGER;
    -- The last modification sequence that did not come with a new message.
    ALTER TABLE mailbox ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
    UPDATE mailbox SET changed = modseq;
    """

  private static let transportSecurity = """
    CREATE TABLE sts_policy(
      domain TEXT PRIMARY KEY, id TEXT NOT NULL, document BLOB NOT NULL, fetched INTEGER NOT NULL,
      expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE tls_session(
      day INTEGER, domain TEXT, type TEXT, policy TEXT, result TEXT /* empty: success */, host TEXT, address TEXT,
      helo TEXT, reason TEXT, sessions INTEGER NOT NULL,
      PRIMARY KEY(day, domain, type, policy, result, host, address, helo, reason)) STRICT, WITHOUT ROWID;
    """

  private static let relaying = """
    -- Next hops that do not answer: a restart does not forget them. See `Troubles.swift`.
    CREATE TABLE trouble(
      destination TEXT PRIMARY KEY, failures INTEGER NOT NULL, until INTEGER NOT NULL, reason TEXT NOT NULL)
      STRICT, WITHOUT ROWID;
    -- Recipients that failed and whose sender was not told, for the summary that `owner` (an address) gets.
    CREATE TABLE untold(
      envelope INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, owner TEXT NOT NULL,
      PRIMARY KEY(envelope, n)) STRICT, WITHOUT ROWID;
    -- Holds with an end are few; among the due rows of the queue they would have to be searched for.
    CREATE INDEX recipient_held ON recipient(due) WHERE state = 1 AND due IS NOT NULL;
    """

  private static let lessons = """
    -- See `Lessons.swift`.
    CREATE TABLE lesson(
      id INTEGER PRIMARY KEY, account TEXT NOT NULL, message INTEGER NOT NULL, spam INTEGER NOT NULL,
      cause INTEGER NOT NULL, tokens BLOB NOT NULL) STRICT;
    CREATE UNIQUE INDEX lesson_message ON lesson(account, message);
    CREATE INDEX lesson_keyword ON lesson(account) WHERE cause = 1;
    CREATE TABLE lesson_scope(
      id INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE /* empty: everybody */, spam INTEGER NOT NULL,
      ham INTEGER NOT NULL, tokens INTEGER NOT NULL, change INTEGER NOT NULL) STRICT;
    CREATE TABLE token(
      scope INTEGER, token INTEGER, spam INTEGER NOT NULL, ham INTEGER NOT NULL,
      PRIMARY KEY(scope, token)) STRICT, WITHOUT ROWID;
    CREATE TABLE training(
      id INTEGER PRIMARY KEY, account TEXT NOT NULL, content INTEGER NOT NULL, wish INTEGER NOT NULL,
      cause INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
    """

  private static let signing = """
    -- Private keys of DKIM and ARC. One signs from `begins` until `ends`; it is published somewhat longer.
    CREATE TABLE signing_key(
      domain TEXT, selector TEXT, algorithm TEXT NOT NULL, secret BLOB NOT NULL, made INTEGER NOT NULL,
      begins INTEGER NOT NULL, ends INTEGER, PRIMARY KEY(domain, selector)) STRICT, WITHOUT ROWID;
    """

  private static let greylisting = """
    -- Networks (or domains) whose suspicious mail was put off, and came again (passed). See `Greylist.swift`.
    CREATE TABLE greylist(
      key TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, passed INTEGER NOT NULL)
      STRICT, WITHOUT ROWID;
    """

  private static let marks = "CREATE INDEX training_keyword ON training(account) WHERE cause = 1;"
}
