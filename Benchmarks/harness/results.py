"""Results: one file a case in Benchmarks/results, written when the case is measured; RESULTS.md is made from all of them,
so that a long run can be made in pieces. What stands in RESULTS.md below the generated part is left alone."""
import json, os, statistics

from .setting import HERE

FOLDER, PAGE = os.path.join(HERE, "results"), os.path.join(HERE, "RESULTS.md")
END = "<!-- Written by Benchmarks/run up to here; what follows is written by hand. -->"


def save(name, record):
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, name + ".json"), "w") as f:
        json.dump(record, f, indent=1)
        f.write("\n")


def load(name):
    try:
        with open(os.path.join(FOLDER, name + ".json")) as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def spread(record, key):
    """How far the peer's repetitions lie apart, as a share of their median."""
    values = [m[key] for m in record["peer"]]
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0


def median(measurements, key):
    values = [m[key] for m in measurements if m.get(key) is not None]
    return statistics.median(values) if values else None


def text(value):
    return "–" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rows(case, record):
    for figure in case.figures:
        ours, peers = median(record["ours"], figure.key), median(record["peer"], figure.key)
        if ours is None and peers is None:
            continue
        ratio = ""
        if figure.has_ratio and ours and peers:
            ratio = f"{ours / peers if figure.more_is_better else peers / ours:.1f} ×"
        yield f"| {case.title} | {figure.label} | {text(ours)} | {text(peers)} | {ratio} | {figure.asked} |"


def write_page(cases):
    lines = ["# Results", "",
             "`make bench` measures Postroom and Postfix + Dovecot on this machine in turn, each case in a run of its own",
             "with both servers started anew; medians of the repetitions, ratios of the medians of the same run. A ratio above",
             "1 is in Postroom's favour, whichever way the figure runs. A case whose peer spreads by more than 25 % is measured",
             "again, at most twice.", "",
             "| case | figure | Postroom | Postfix + Dovecot | ratio | asked |", "|---|---|---|---|---|---|"]
    notes = []
    for case in cases:
        record = load(case.name)
        if not record:
            notes.append(f"- {case.title}: not measured yet.")
            continue
        lines += rows(case, record)
        note = f"- {case.title}: {record['date']}, {record['repetitions']} times each"
        if record.get("scale", 1) != 1:
            note += f", at {record['scale']} of the full number of messages"
        if case.steady and record["repetitions"] > 1:
            note += f", the peer's spread {spread(record, case.steady):.0%}"
        notes.append(note + ".")
    old = ""
    if os.path.exists(PAGE):
        with open(PAGE) as f:
            content = f.read()
        old = content.split(END, 1)[1].strip("\n") if END in content else ""
    with open(PAGE, "w") as f:
        f.write("\n".join(lines + ["", "Measured:", "", *notes, "", END]) + "\n" + (f"\n{old}\n" if old else ""))
