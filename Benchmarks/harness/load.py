"""The load generator, load.c: made once a run, called once a measurement."""
import json, os, subprocess, sys

from .setting import DOMAIN, HERE, PASSWORD, USERS


class Load:
    def __init__(self, scratch):
        self.program = os.path.join(scratch, "load")
        subprocess.run(["cc", "-O2", "-o", self.program, os.path.join(HERE, "load.c"), "-lssl", "-lcrypto"], check=True)

    def __call__(self, server, sessions, messages, size=4096, recipients=1, users=USERS, login=False, a_connection=500, to=None,
                 destinations=0):
        """Sends the messages, by default 500 a connection: servers limit that. With `login`: over TLS, each session as a
        user of its own. With `to`: for that domain, or d1.TO to dN.TO. Returns what
        load.c printed."""
        port = server.submissions if login else server.smtp
        words = [self.program, "--port", port, "--sessions", sessions, "--messages", messages, "--size", size,
                 "--recipients", recipients, "--users", users, "--domain", DOMAIN, "--a-connection", a_connection]
        if to:
            words += ["--to", to, "--destinations", destinations]
        if login:
            words += ["--tls", "--login", server.login("%d"), "--password", PASSWORD]
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
        result = json.loads(done.stdout) if done.stdout else {"failure": done.stderr or "it did not start"}
        if result["failure"]:
            sys.exit(f"run: load on {server.name}: {result['failure']}")
        return result
