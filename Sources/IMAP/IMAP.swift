/// # IMAP: the mailboxes, for mail programs
