"""Postroom, set up in a scratch folder with the shipped configuration (Benchmarks/postroom.conf)."""
import os, signal, subprocess

from .setting import DOMAIN, HERE, PASSWORD, USERS, free_port, wait_for


class Postroom:
    name = "Postroom"

    def __init__(self, scratch, binary, certificate):
        self.folder = os.path.join(scratch, "postroom")
        self.scratch_folder, (self.chain, self.key) = scratch, certificate
        os.makedirs(self.folder)
        self.smtp, self.submissions, self.imap, self.imaps = (free_port() for _ in range(4))
        self.file = os.path.join(self.folder, "appliance.conf")
        with open(os.path.join(HERE, "postroom.conf")) as f:
            text = f.read()
        for word, value in (("FOLDER", self.folder), ("DOMAIN", DOMAIN), ("CHAIN", certificate[0]),
                            ("KEY", certificate[1]), ("SMTP", self.smtp), ("SUBMISSIONS", self.submissions),
                            ("IMAP", self.imap), ("IMAPS", self.imaps)):
            text = text.replace(f"@{word}@", str(value))
        with open(self.file, "w") as f:
            f.write(text + "".join(f'[[account]]\nname = "u{n}"\n' for n in range(1, USERS + 1)))
        self.binary = binary
        for n in range(1, USERS + 1):
            subprocess.run([binary, "password", f"u{n}", "--config", self.file], input=PASSWORD + "\n", text=True,
                           check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "log"), "a") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--config", self.file], stdout=log,
                                            stderr=subprocess.STDOUT)
        wait_for(self.smtp)
        wait_for(self.imap)
        self.roots = [self.process.pid]

    def login(self, n):
        return f"u{n}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
