"""Mail coming in: from the first command to the moment at which IMAP STATUS shows every copy."""
import os, time

from . import counters
from .case import Case, Figure
from .imap import Mailboxes
from .setting import USERS


def expected(before, messages, recipients=1):
    """What each inbox holds after so many messages, to users in turn."""
    wanted = list(before)
    for number in range(messages):
        for further in range(recipients):
            wanted[(number + further) % USERS] += 1
    return wanted


def incoming(server, tools, sessions, messages, size=4096, recipients=1, **load):
    """One measured series: rates, latency, CPU until background work has caught up, syncs, bytes on disk."""
    # The peer is slower, and is given fewer so that a run stays short; all figures are per second or per message.
    ours, peers = messages
    count = tools.count(ours if server.name == "Postroom" else peers)
    mailboxes = Mailboxes(server)
    before = mailboxes.counts()
    wanted = expected(before, count, recipients)
    counters.until_quiet(server.roots)
    os.sync()
    with counters.Syncs() as syncs:
        disk, cpu = counters.written_bytes(), counters.cpu_seconds(server.roots)
        machine, start, own = counters.machine_cpu_seconds(), time.time(), time.process_time()
        result = tools.load(server, sessions, count, size, recipients, **load)
        seen = mailboxes.wait_for(wanted)
        visible = time.time() - start
        counters.until_quiet(server.roots)
    if seen != wanted:
        raise SystemExit(f"run: {server.name}: {sum(seen) - sum(before)} copies of {count * recipients} arrived")
    worked = counters.cpu_seconds(server.roots) - cpu
    others = counters.machine_cpu_seconds() - machine - worked - result["cpu_s"] - (time.process_time() - own)
    mailboxes.close()
    os.sync()
    figures = {
        "copies_per_s": count * recipients / visible,
        "accepted_per_s": count / result["seconds"],
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
        "cpu_s_per_1000": worked / count * 1000,
        "disk_kb": (counters.written_bytes() - disk) / count / 1000,
        "client_cpu_ms": result["cpu_s"] / count * 1000,
        "others_cpu_s": others,
    }
    if syncs.count is not None:
        figures["syncs"] = syncs.count / count
    return figures


def figures(rate, cpu="", syncs="", disk=""):
    return [
        Figure("copies_per_s", "copies visible in IMAP a second", True, rate),
        Figure("p50_ms", "median to the 250, ms"),
        Figure("p99_ms", "p99 to the 250, ms"),
        Figure("cpu_s_per_1000", "CPU seconds a 1,000 messages", asked=cpu),
        Figure("syncs", "syncs a message", asked=syncs),
        Figure("disk_kb", "disk KB a message", asked=disk),
        Figure("client_cpu_ms", "the load generator's own CPU, ms a message", has_ratio=False),
        Figure("others_cpu_s", "CPU seconds of others meanwhile", has_ratio=False),
    ]


def case(name, title, sessions, messages, rate, cpu="", syncs="", **rest):
    return Case(name, title, figures(rate, cpu, syncs), steady="copies_per_s",
                measure=lambda server, tools: incoming(server, tools, sessions, messages, **rest))


def fill(server, tools):
    """10,000 messages in 20 mailboxes."""
    mailboxes = Mailboxes(server)
    count = tools.count(10_000)
    wanted = expected(mailboxes.counts(), count)
    tools.load(server, 50, count)
    mailboxes.wait_for(wanted)
    mailboxes.close()
    counters.until_quiet(server.roots)


EIGHTH = "≥ 8 ×"

CASES = [
    case("smtp-1", "4 KiB, 1 session", 1, (1500, 300), "≥ 3 ×"),
    case("smtp-10", "4 KiB, 10 sessions", 10, (6000, 1000), "≥ 8 ×, aim 10", EIGHTH, "< 0.3"),
    case("smtp-50", "4 KiB, 50 sessions", 50, (6000, 1000), "≥ 8 ×, aim 10", EIGHTH, "< 0.1"),
    case("smtp-64k", "64 KiB, 10 sessions", 10, (2000, 600), "≥ 5 ×", size=65536),
    case("smtp-copies", "4 KiB to 20 local recipients, 10 sessions", 10, (1000, 100), "≥ 8 ×", recipients=20),
    case("submission", "submission over TLS, one login a connection, 10 sessions", 10, (5000, 1000), "≥ 4 ×", login=True),
    case("submission-each", "submission over TLS, one login a message, 10 sessions", 10, (2000, 500), "reported", login=True,
         a_connection=1),
    Case("smtp-stored", "4 KiB, 50 sessions, 10,000 messages stored", figures("", disk="≥ 1 ×, aim 2"),
         prepare=fill, steady="copies_per_s",
         measure=lambda server, tools: incoming(server, tools, 50, (6000, 1000))),
]
