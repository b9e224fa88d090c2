"""Mail being read: the time of each IMAP command on a large mailbox."""
import statistics, time

from . import counters
from .case import Case, Figure
from .imap import Client

MESSAGES = 10_000


def fill_one(server, tools):
    client, count = Client(server, 1), tools.count(MESSAGES)
    tools.load(server, 20, count, users=1)
    while client.messages() < count:
        time.sleep(0.1)
    client.close()
    counters.until_quiet(server.roots)


def commands(server, tools):
    """Milliseconds of each command, warm: medians of five."""
    client = Client(server, 1)
    results = {}

    def measure(name, command, before=None):
        if before:
            client.ask(before)
        client.ask(command)  # what it makes of the mailbox's first use is not what is measured
        counters.until_quiet(server.roots, 20)
        times = []
        for _ in range(5):
            if before:
                client.ask(before)
            times.append(client.ask(command) * 1000)
        results[name] = statistics.median(times)

    measure("select", "SELECT INBOX")
    measure("flags", "FETCH 1:* FLAGS")
    measure("envelope", "FETCH 1:* ENVELOPE")
    measure("fields", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]")
    measure("bodystructure", "FETCH 1:* BODYSTRUCTURE")
    measure("bodies", "FETCH 1:500 BODY.PEEK[]")
    measure("store", "STORE 1:* +FLAGS.SILENT (\\Flagged)", before="STORE 1:* -FLAGS.SILENT (\\Flagged)")
    client.ask("CREATE copies")
    measure("copy", "COPY 1:1000 copies")
    client.ask("SELECT copies")
    measure("expunge", "EXPUNGE", before="STORE 1:1000 +FLAGS.SILENT (\\Deleted)")
    letter = b"From: a@b.test\r\nSubject: appended\r\n\r\n" + b"x" * 70 + b"\r\n"
    results["append"] = sum(client.ask("APPEND copies", letter) for _ in range(300)) * 1000 / 300
    client.close()
    return results


CASES = [
    Case("imap-commands", "IMAP on 10,000 messages", [
        Figure("select", "SELECT, ms", asked="≥ 0.67 ×"),
        Figure("flags", "FETCH FLAGS of all, ms", asked="≥ 0.67 ×"),
        Figure("envelope", "FETCH ENVELOPE of all, ms", asked="≥ 1 ×"),
        Figure("fields", "FETCH header fields of all, ms", asked="≥ 0.67 ×"),
        Figure("bodystructure", "FETCH BODYSTRUCTURE of all, ms", asked="≥ 0.67 ×"),
        Figure("bodies", "FETCH 500 bodies, ms", asked="≥ 0.67 ×"),
        Figure("store", "STORE on all, ms", asked="≥ 1 ×"),
        Figure("copy", "COPY 1,000, ms", asked="≥ 0.67 ×"),
        Figure("expunge", "EXPUNGE 1,000, ms", asked="≥ 0.67 ×"),
        Figure("append", "APPEND one by one, ms each", asked="≥ 3 ×"),
    ], measure=commands, prepare=fill_one, repetitions=1),
]
