"""Sessions that idle: what each holds in memory, and how soon news reaches them."""
import resource, select, smtplib, socket, ssl, statistics, time

from . import counters
from .case import Case, Figure
from .setting import DOMAIN, PASSWORD, USERS

SESSIONS, WATCHERS, SAMPLES = 2000, 200, 300


class Idle:
    """An IMAP session that waits in IDLE with the inbox selected. Each comes from an address of its own, as far as there are
    some: an appliance does not give all its connections to one."""

    def __init__(self, server, number, user, tls=None):
        self.socket = socket.socket()
        self.socket.bind((f"127.0.0.{2 + number % 200}", 0))
        self.socket.connect(("127.0.0.1", server.imaps if tls else server.imap))
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        file = self.socket.makefile("rb", 4096)
        file.readline()
        for command in (f"LOGIN {server.login(user)} {PASSWORD}", "SELECT INBOX"):
            self.socket.sendall(f"t {command}\r\n".encode())
            while not file.readline().startswith(b"t OK"):
                pass
        self.socket.sendall(b"t IDLE\r\n")
        file.readline()


def memory(server, tools):
    """KiB of resident memory for each of 2,000 sessions, without and with TLS. The peer has a process for each session and
    would need gigabytes: it is not asked."""
    if server.name != "Postroom":
        return {}
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    count, results = tools.count(SESSIONS, 200), {}
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    server.stop()
    with open(server.file, "a") as file:
        file.write("\n[limits]\nconnections = 4000\n")
    for name, tls in (("plain", None), ("tls", context)):
        server.start()
        # The first ones make what all share.
        sessions = [Idle(server, number, 1 + number % USERS, tls) for number in range(100)]
        counters.until_quiet(server.roots)
        before = counters.pss_mib(server.roots)
        sessions += [Idle(server, 100 + number, 1 + number % USERS, tls) for number in range(count)]
        counters.until_quiet(server.roots)
        results[name] = (counters.pss_mib(server.roots) - before) * 1024 / count
        for session in sessions:
            session.socket.close()
        server.stop()
    server.start()
    return results


def latencies(server, watchers, seconds):
    """Milliseconds from the 250 after the dot until the last of some sessions on one mailbox has its EXISTS."""
    sessions = [Idle(server, number, 2) for number in range(watchers)]
    poll = select.epoll()
    for session in sessions:
        poll.register(session.socket, select.EPOLLIN)
    by_number = {session.socket.fileno(): session.socket for session in sessions}
    times, end = [], time.time() + seconds
    with smtplib.SMTP("127.0.0.1", server.smtp) as sender:
        sender.ehlo()
        while len(times) < SAMPLES and time.time() < end:
            sender.mail("load@load.test")
            sender.rcpt(f"u2@{DOMAIN}")
            sender.data(f"Subject: news {len(times)}\r\n\r\nx")
            accepted, waiting = time.perf_counter(), set(by_number)
            while waiting:
                for number, _ in poll.poll():
                    if b"EXISTS" in by_number[number].recv(4096):
                        waiting.discard(number)
            times.append((time.perf_counter() - accepted) * 1000)
            time.sleep(0.01)  # what each session does after its answer is not part of the next sample
    for session in sessions:
        session.socket.close()
    return sorted(times)


def news(server, tools):
    results = {}
    for name, watchers in (("one", 1), ("many", WATCHERS)):
        times = latencies(server, watchers, 20)
        results[name] = statistics.median(times)
        results[name + "_p99"] = times[min(len(times) - 1, len(times) * 99 // 100)]
    return results


CASES = [
    Case("imap-idle-memory", "IMAP, 2,000 idle sessions", [
        Figure("plain", "KiB each", asked="≤ 20 KiB", has_ratio=False),
        Figure("tls", "KiB each with TLS", asked="≤ 60 KiB", has_ratio=False),
    ], measure=memory, repetitions=1),
    Case("imap-news", "IMAP IDLE, from the 250 to EXISTS", [
        Figure("one", "one session, median, ms", asked="≤ 1 ms"),
        Figure("one_p99", "one session, p99, ms", asked="≤ 5 ms"),
        Figure("many", "the last of 200 sessions on the mailbox, median, ms", asked="≤ 20 ms"),
        Figure("many_p99", "the last of 200, p99, ms"),
    ], measure=news, repetitions=1),
]
