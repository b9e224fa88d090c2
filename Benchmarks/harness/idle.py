"""What a freshly started server takes."""
from . import counters
from .case import Case, Figure


def memory(server, tools):
    counters.until_quiet(server.roots)
    return {"pss": counters.pss_mib(server.roots)}


CASES = [Case("idle", "freshly started", [Figure("pss", "PSS, MiB", asked="≤ 30 MiB")], measure=memory, repetitions=1)]
