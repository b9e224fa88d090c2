"""Mail going out: from the release of held messages to the last 250 of Postfix's smtp-sink, to one destination and to a
hundred, without TLS and with it (stunnel stands before the sink then). Both servers find their way by routes to addresses
of loopback, so no DNS is asked. The peer is measured with its own limits on concurrency and with raised ones."""
import json, os, subprocess, time

from . import counters
from .case import Case, Figure
from .setting import free_port, wait_for

DOMAIN = "relay.test"
MOST = 100  # destinations: d1.relay.test at 127.0.1.1 and so on
RAISED = ["default_destination_concurrency_limit=100", "initial_destination_concurrency=50",
          "default_process_limit=200", "qmgr_message_active_limit=20000", "qmgr_message_recipient_limit=40000"]


class Sinks:
    """smtp-sink on all addresses of loopback, and stunnel before it for the cases with TLS."""

    def __init__(self, server, with_tls):
        self.folder = os.path.join(server.scratch_folder, "sinks-" + server.name.split()[0])
        os.makedirs(self.folder, exist_ok=True)
        self.plain = free_port()
        self.port = free_port() if with_tls else self.plain
        self.tunnel = None
        if with_tls:
            file = os.path.join(self.folder, "stunnel.conf")
            with open(file, "w") as f:
                f.write(f"foreground = yes\npid =\ndebug = 3\nsyslog = no\n[sink]\naccept = 0.0.0.0:{self.port}\n"
                        f"connect = 127.0.0.1:{self.plain}\nprotocol = smtp\ncert = {server.chain}\nkey = {server.key}\n")
            self.tunnel = subprocess.Popen(["stunnel4", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self, messages):
        """One that ends with the 250 of the last message; without a number one that goes on."""
        words = ["smtp-sink", "-u", "nobody", "-m", "1000"] + (["-M", str(messages)] if messages else [])
        self.sink = subprocess.Popen(words + [f"0.0.0.0:{self.plain}", "1000"], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        wait_for(self.plain)

    def stop(self):
        self.sink.terminate()
        self.sink.wait(10)


class Outbox:
    """What a case does with one of the servers."""

    def __init__(self, server, with_tls, raised):
        self.server = server
        self.is_ours = server.name == "Postroom"
        self.sinks = Sinks(server, with_tls)
        routes = [(f"d{n}.{DOMAIN}", f"127.0.1.{n}") for n in range(1, MOST + 1)]
        if self.is_ours:
            mode = "encrypted" if with_tls else "off"
            with open(server.file, "a") as f:
                f.writelines(f'[[route]]\ndomains = ["{domain}"]\nhost = "{address}:{self.sinks.port}"\ntls = "{mode}"\n'
                             for domain, address in routes)
            self.call("reload")
        else:
            conf = server.postfix + "/conf"
            with open(conf + "/transport", "w") as f:
                f.writelines(f"{domain} smtp:[{address}]:{self.sinks.port}\n" for domain, address in routes)
            subprocess.run(["postmap", f"hash:{conf}/transport"], check=True)
            settings = [f"transport_maps=hash:{conf}/transport", "smtpd_data_restrictions=check_client_access static:HOLD",
                        f"smtp_tls_security_level={'encrypt' if with_tls else 'none'}"] + (RAISED if raised else [])
            subprocess.run(["postconf", "-c", conf, "-e", *settings], check=True)
            subprocess.run(["postfix", "-c", conf, "stop"], check=True, capture_output=True)
            subprocess.run(["postfix", "-c", conf, "start"], check=True, capture_output=True)
            wait_for(server.smtp)
            with open(server.postfix + "/spool/pid/master.pid") as f:
                server.roots = [int(f.read())] + server.roots[1:]

    def call(self, *words, check=True):
        done = subprocess.run([self.server.binary, *words, "--config", self.server.file], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise SystemExit(f"run: postroom {' '.join(words)}: {done.stderr}")
        return done.stdout

    def waiting(self):
        if self.is_ours:
            state = json.loads(self.call("status", "--json"))
            return state["queued"], state["held"]
        lists = [os.path.join(self.server.postfix, "spool", name) for name in ("hold", "incoming", "active", "deferred")]
        counts = [sum(len(files) for _, _, files in os.walk(folder)) for folder in lists]
        return sum(counts[1:]), counts[0]

    def fill(self, tools, count, destinations):
        """So many messages that are held."""
        # More new logins at once than there are threads that check passwords would be sent away.
        tools.load(self.server, 8, count, login=self.is_ours, to=DOMAIN, destinations=destinations)
        end = time.time() + 120
        while self.waiting() != (0, count):
            if time.time() > end:
                raise SystemExit(f"run: {self.server.name}: {self.waiting()} wait instead of {count} that are held")
            if self.is_ours:  # Nobody listens yet: they are queued.
                self.call("queue", "hold", "--all", check=False)
            time.sleep(0.2)

    def release(self):
        if self.is_ours:
            self.call("queue", "release", "--all")
        else:
            conf = self.server.postfix + "/conf"
            subprocess.run(["postsuper", "-c", conf, "-H", "ALL"], check=True, capture_output=True)
            subprocess.run(["postqueue", "-c", conf, "-f"], check=True)

    def empty(self):
        """The sink that counts may end before its last reply has gone: what was cut off goes to another."""
        self.sinks.start(None)
        end = time.time() + 60
        while self.waiting() != (0, 0) and time.time() < end:
            if self.is_ours:
                self.call("queue", "retry", "--all", check=False)
            else:
                subprocess.run(["postqueue", "-c", self.server.postfix + "/conf", "-f"], check=True)
            time.sleep(0.5)
        self.sinks.stop()


def relaying(server, tools, destinations):
    outbox = server.outbox
    count = tools.count(5000)
    outbox.fill(tools, count, destinations)
    counters.until_quiet(server.roots)
    os.sync()
    outbox.sinks.start(count)
    with counters.Syncs() as syncs:
        cpu, start = counters.cpu_seconds(server.roots), time.time()
        outbox.release()
        released = time.time() - start
        try:
            outbox.sinks.sink.wait(300)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"run: {server.name}: {outbox.waiting()} still wait after 300 s")
        seconds = time.time() - start
        worked = counters.cpu_seconds(server.roots) - cpu
    outbox.empty()
    figures = {"relayed_per_s": count / seconds, "release_s": released, "cpu_s_per_1000": worked / count * 1000}
    if syncs.count is not None:
        figures["syncs"] = syncs.count / count
    return figures


def stop_tunnel(server):
    outbox = getattr(server, "outbox", None)
    if outbox and outbox.sinks.tunnel:
        outbox.sinks.tunnel.terminate()
        outbox.sinks.tunnel.wait(10)


def case(destinations, with_tls, raised):
    def prepare(server, tools):
        server.outbox = Outbox(server, with_tls, raised)

    name = f"relay-{destinations}" + ("-tls" if with_tls else "") + ("-raised" if raised else "")
    title = f"5,000 held messages of 4 KiB to {destinations} destination{'s' if destinations > 1 else ''}" \
        + (", TLS" if with_tls else "") + (", the peer's limits raised" if raised else "")
    figures = [
        Figure("relayed_per_s", "messages a second, from the release to the last 250", True, "≥ 2 ×"),
        Figure("cpu_s_per_1000", "CPU seconds a 1,000 messages"),
        Figure("syncs", "syncs a message"),
        Figure("release_s", "seconds that the release itself took"),
    ]
    return Case(name, title, figures, steady="relayed_per_s", prepare=prepare, finish=stop_tunnel,
                measure=lambda server, tools: relaying(server, tools, destinations))


CASES = [case(destinations, with_tls, raised) for destinations in (1, 100) for with_tls in (False, True)
         for raised in (False, True)]
