// The Simple Mail Transfer Protocol, both sides, as values without I/O.
//
// What stands here knows what may be said when, and how it is written; it knows no socket, no clock and no policy.
// ``ServerMachine`` is the receiving side: a driver (Reception) hands it command lines and carries out the
// ``ServerMachine/Action`` that comes back; what a policy decides goes back into the machine, which words the reply.
// ``ClientMachine`` is the sending side, in the same way. ``ContentDecoder`` takes the content of a message
// from the wire (DATA or BDAT), ``DotEncoder`` puts it on the wire.
//
//     server:   start ──EHLO/HELO──▶ greeted ──MAIL──▶ mail ──RCPT──▶ recipients ──DATA──▶ content ──▶ greeted
//                 ▲                   │  ▲                                │  ▲                 (dot)
//                 └──────STARTTLS─────┘  └─AUTH: authenticating           └──┴─BDAT: chunks ─LAST─▶ greeted
//
// Standards: RFC 5321 (SMTP), 1870 (SIZE), 2034 (ENHANCEDSTATUSCODES), 2920 (PIPELINING), 3030 (CHUNKING; not
// BINARYMIME), 3207 (STARTTLS), 3461 (DSN), 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8), 9422 (LIMITS).
