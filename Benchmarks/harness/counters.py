"""What /proc, /sys and perf tell of a server's work: CPU, memory, bytes on disk, sync calls."""
import os, shutil, signal, subprocess, time

TICK = os.sysconf("SC_CLK_TCK")


def processes(roots):
    """These processes and all their descendants, as /proc shows them now."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    children.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                pass
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(roots):
    """User and system time of these processes, their descendants and the ended children they waited for."""
    total = 0
    for pid in processes(roots):
        try:
            with open(f"/proc/{pid}/stat") as f:
                total += sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:15])
        except OSError:
            pass
    return total / TICK


def machine_cpu_seconds():
    """What the whole machine has worked: all but idle, waiting for disks, and what the hypervisor took."""
    with open("/proc/stat") as f:
        fields = [int(x) for x in f.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4] - fields[7]) / TICK


def pss_mib(roots):
    """Memory, shared pages counted in proportion."""
    total = 0
    for pid in processes(roots):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1024


def written_bytes():
    """Bytes written to all whole disks since boot."""
    total = 0
    for name in os.listdir("/sys/block"):
        if not name.startswith(("loop", "ram", "zram", "dm-")):
            with open(f"/sys/block/{name}/stat") as f:
                total += int(f.read().split()[6]) * 512
    return total


def until_quiet(roots, limit=60):
    """Waits until the background work has caught up: until a second costs less than 20 ms of CPU."""
    end = time.time() + limit
    while time.time() < end:
        before = cpu_seconds(roots)
        time.sleep(1)
        if cpu_seconds(roots) - before < 0.02:
            return


class Syncs:
    """Counts the machine's sync calls while a block runs, with perf's tracepoints; `count` is None where there is no
    perf. The peer's processes come and go too fast to be watched one by one."""
    CALLS = ["fsync", "fdatasync", "sync_file_range", "msync"]

    def __enter__(self):
        self.count, self.perf = None, None
        if shutil.which("perf"):
            events = [word for call in self.CALLS for word in ("-e", f"syscalls:sys_enter_{call}")]
            self.perf = subprocess.Popen(["perf", "stat", "-a", "-x,", *events], stderr=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL, text=True)
            time.sleep(0.3)  # until it counts
        return self

    def __exit__(self, *_):
        if not self.perf:
            return
        self.perf.send_signal(signal.SIGINT)
        fields = [line.split(",") for line in self.perf.communicate()[1].splitlines()]
        counts = [int(f[0]) for f in fields if len(f) > 2 and f[0].isdigit()]
        self.count = sum(counts) if counts else None
