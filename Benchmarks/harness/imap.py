"""An IMAP client that counts bytes and parses next to nothing, so that its own time hardly counts."""
import socket, sys, time

from .setting import PASSWORD, USERS


class Client:
    def __init__(self, server, user):
        self.socket = socket.create_connection(("127.0.0.1", server.imap), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 20)
        self.file.readline()
        self.ask(f"LOGIN {server.login(user)} {PASSWORD}")

    def ask(self, command, literal=None):
        """Sends a command and reads to its tagged line; seconds."""
        start = time.perf_counter()
        data = b"t " + command.encode()
        if literal is not None:
            data += b" {%d+}\r\n" % len(literal) + literal
        self.socket.sendall(data + b"\r\n")
        self.untagged = []
        while True:
            line = self.file.readline()
            if line.startswith(b"t "):
                if not line.startswith(b"t OK"):
                    sys.exit(f"run: IMAP {command[:60]}: {line!r}")
                return time.perf_counter() - start
            if not line:
                sys.exit(f"run: IMAP {command[:60]}: the server closed the connection")
            if line.endswith(b"}\r\n"):  # a literal follows, which may hold anything
                left = int(line[line.rindex(b"{") + 1:-3])
                while left:
                    left -= len(self.file.read(min(left, 1 << 20)))
            self.untagged = [line]

    def line(self):
        return self.file.readline()

    def messages(self, mailbox="INBOX"):
        self.ask(f"STATUS {mailbox} (MESSAGES)")
        return int(self.untagged[-1].rsplit(b" ", 1)[1].rstrip(b")\r\n"))

    def close(self):
        self.file.close()
        self.socket.close()


class Mailboxes:
    """All accounts' inboxes, on connections that stay open."""

    def __init__(self, server):
        self.clients = [Client(server, n) for n in range(1, USERS + 1)]

    def counts(self):
        return [client.messages() for client in self.clients]

    def wait_for(self, wanted, limit=180):
        """Waits until every inbox holds so many messages; what they hold then."""
        end = time.time() + limit
        for client, count in zip(self.clients, wanted):
            while client.messages() < count and time.time() < end:
                time.sleep(0.01)
        return self.counts()

    def close(self):
        for client in self.clients:
            client.close()
