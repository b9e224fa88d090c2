// # Message: Internet messages as values
//
// RFC 5322 messages and MIME (RFC 2045–2049), read from and written to bytes, without any I/O. Other rooms come here to
// take a header section apart and change it, to learn a message's parts while it streams in, to get the texts that IMAP
// serves, and to build the messages that the appliance writes itself.
//
// Strangers wrote the bytes, so every parser is total: any input gives a value or `nil`, in time linear in its
// size, with limits on depth, parts and fields. Nothing traps. A body is only ever seen in pieces and never kept.
//
//     bytes ──▶ HeaderCollector ──▶ HeaderSection ──▶ ENVELOPE text, addresses, dates, edits
//                     │ the rest           │
//                     ▼                    ▼
//                 MIMEScanner ◀────────────┘   ──▶ MIMEStructure ──▶ BODYSTRUCTURE text, sections, attachments
//
// Topics: `Header` (fields, dates, Received), `Address`, `MIME` (scanner and structure), `Codec` (transfer encodings,
// encoded words, character sets), `IMAPText`, `Text` (search and display), `Building`.
