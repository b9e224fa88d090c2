"""Postroom with a million messages in its database beside Postroom with an empty one."""
import json, os, socket, statistics, subprocess, time

from . import counters
from .imap import Client
from .postroom import Postroom
from .setting import USERS

#: Every hundredth message is in the mailbox that is read: its 10,000 are spread over the whole database.
ACCOUNTS, READ = 100, 1
MESSAGES, SIZE = 1_000_000, 20_480
PIECE = 20_000


class Full(Postroom):
    """A server in a folder that stays, so that it can be filled in several calls."""

    def __init__(self, folder, binary, certificate):
        self.kept = os.path.join(folder, "state.json")
        if os.path.exists(self.kept):
            with open(self.kept) as f:
                self.__dict__.update(json.load(f))
            self.binary = binary
            self.start()
        else:
            super().__init__(folder, binary, certificate)
            self.stop()
            with open(self.file, "a") as f:
                f.write("".join(f'[[account]]\nname = "u{n}"\n' for n in range(USERS + 1, ACCOUNTS + 1)))
            self.filled = 0
            self.start()
            self.save()

    def save(self):
        names = ("folder", "file", "smtp", "submissions", "imap", "imaps", "filled")
        with open(self.kept, "w") as f:
            json.dump({name: getattr(self, name) for name in names}, f)

    def fill(self, load, wanted, minutes):
        """Delivers by SMTP until all are there, or the time is up."""
        end = time.time() + minutes * 60
        while self.filled < wanted and time.time() < end:
            began = time.time()
            load(self, 50, min(PIECE, wanted - self.filled), SIZE, users=ACCOUNTS)
            self.filled += min(PIECE, wanted - self.filled)
            self.save()
            print(f"{self.filled} of {wanted}, {PIECE / (time.time() - began):.0f} a second", flush=True)
        return self.filled >= wanted

    def size_gib(self):
        data = os.path.join(self.folder, "data")
        return sum(os.path.getsize(os.path.join(data, name)) for name in os.listdir(data)) / 2**30


def fill_small(server, load):
    """As many messages of the same size, in the same mailbox, side by side in an empty database."""
    load(server, 50, MESSAGES // ACCOUNTS, SIZE, users=1)
    counters.until_quiet(server.roots)


def delivery(server, load, sessions, messages=6000):
    result = load(server, sessions, messages, 4096, users=USERS)
    return result["accepted"] / result["seconds"]


READING = [
    ("SELECT", "SELECT INBOX"), ("FETCH FLAGS", "FETCH 1:10000 FLAGS"), ("FETCH ENVELOPE", "FETCH 1:10000 ENVELOPE"),
    ("FETCH header fields", "FETCH 1:10000 BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]"),
    ("FETCH BODYSTRUCTURE", "FETCH 1:10000 BODYSTRUCTURE"), ("FETCH 500 bodies", "FETCH 1:500 BODY.PEEK[]"),
]


def reading(server):
    """Milliseconds: the first time, and the median of five after it."""
    client = Client(server, READ)
    results = {}
    for name, command in READING:
        first = client.ask(command) * 1000
        counters.until_quiet(server.roots, 20)
        results[name] = (first, statistics.median(client.ask(command) * 1000 for _ in range(5)))
    client.close()
    return results


def seconds_to_greeting(server, kill):
    """From the start of the process to its SMTP greeting, with nothing of the database in the system's cache."""
    if kill:
        server.process.kill()
        server.process.wait()
    else:
        server.stop()
    subprocess.run(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches"], check=True)
    began = time.perf_counter()
    with open(os.path.join(server.folder, "log"), "a") as log:
        server.process = subprocess.Popen([server.binary, "serve", "--config", server.file], stdout=log,
                                          stderr=subprocess.STDOUT)
    server.roots = [server.process.pid]
    while True:
        try:
            with socket.create_connection(("127.0.0.1", server.smtp), 1) as connection:
                if connection.recv(100).startswith(b"220"):
                    return time.perf_counter() - began
        except OSError:
            time.sleep(0.002)
