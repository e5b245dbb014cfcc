"""Captures to flows with their statistics, beside NFStream; detection, export records, and a flood in bounded memory.

The captures are made by `eddy generate`: an office for most of an hour, once clean and once with ten attacks (a SYN
flood among them, so that most flows are of one packet). Standard library only; NFStream runs in a process of its own.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import BENCH, DATA, EDDY, RELEASE, Contender, child, digits, ratio, save, take_turns, target

ROUNDS = int(os.environ.get("EDDY_BENCH_ROUNDS", "2"))
EXAMPLES = RELEASE / "examples"
START = ("--start", "2024-01-15T09:00:00")
CAPTURES = {
    "clean": ("--duration", "0.95"),
    "attacks": ("--duration", "0.65", "--plant", "default"),
}


def capture(name: str) -> tuple[Path, int]:
    """A generated capture and its number of packets."""
    DATA.mkdir(exist_ok=True)
    path = DATA / f"office-{name}.pcap"
    count = path.with_suffix(".packets")
    if not count.exists():
        command = [EDDY, "generate", "--as", "pcap", *START, *CAPTURES[name], "--out", path]
        told = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
        count.write_text(re.search(r"(\d+) packets", told)[1])
    return path, int(count.read_text())


def contenders(path: Path, folder: Path) -> list[Contender]:
    out = folder / "flows"
    program = [EDDY, "flows", path, "--quiet"]
    return [
        Contender(
            "Eddy, library, statistics in memory",
            lambda: child([EXAMPLES / "flows", "--times", "1", "--features", "statistics", path]),
        ),
        Contender(
            "Eddy, statistics to CSV",
            lambda: child([*program, "--features", "statistics", "--out", f"{out}.csv"]),
        ),
        Contender(
            "Eddy, all features to Parquet",
            lambda: child([*program, "--features", "all", "--out", f"{out}.parquet"]),
        ),
        Contender("Eddy, detect", lambda: child([EDDY, "detect", path, "--quiet"])),
        Contender("NFStream, statistics, in memory", lambda: child([sys.executable, BENCH / "peer_flows.py", path])),
        Contender(
            "NFStream, statistics to CSV",
            lambda: child([sys.executable, BENCH / "peer_flows.py", path, f"{out}.peer.csv"]),
        ),
    ]


def rate(program: str, what: str) -> float:
    """Millions a second of CPU time, of what an example tells by the clock: others may have the processor meanwhile."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    told = subprocess.run([str(EXAMPLES / program)], check=True, capture_output=True, text=True).stdout
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(re.search(what + r".*?([\d.]+) M/s", told)[1]) * wall / cpu


def flood() -> tuple[dict, list[dict]]:
    """Ten million flows of one packet each in a table of 512 MiB."""
    told = subprocess.run([str(EXAMPLES / "flood")], check=True, capture_output=True, text=True).stdout
    numbers = re.search(
        r"(\d+) packets in .*: ([\d.]+) M/s\ntable: (\d+) MiB.*\npackets out (\d+); flows (\d+), evicted (\d+)", told
    )
    packets, _, mib, out, flows, evicted = (float(number) for number in numbers.groups())
    row = {"who": "Eddy, library, flood of 10 M flows", "flows": int(flows), "evicted": int(evicted), "table_mib": mib}
    return row, [
        target("flood, MiB of the table", "<= 512", mib, mib <= 512),
        target("flood, packets told in flows of those offered", "= 1", out / packets, out == packets),
    ]


def main() -> None:
    rows, targets = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in CAPTURES:
            path, packets = capture(name)
            sides = contenders(path, Path(folder))
            take_turns(sides, ROUNDS)
            for side in sides:
                per_second = packets / side.middle("cpu") / 1e6
                rows.append(side.row(capture=name, mpackets_per_cpu_s=digits(per_second)))
            library, statistics, _, detect, peer, peer_csv = sides
            speed = packets / library.middle("cpu") / 1e6
            targets.append(target(f"{name}: statistics in memory, M packets/s of CPU", ">= 2", speed, speed >= 2))
            times = ratio(peer, library, "cpu")
            targets.append(target(f"{name}: statistics in memory, times NFStream's speed", ">= 20", times, times >= 20))
            times = ratio(peer_csv, statistics, "cpu")
            targets.append(target(f"{name}: statistics to CSV, times NFStream's to CSV", ">= 20", times, times >= 20))
            times = ratio(peer, statistics, "cpu")
            what = f"{name}: statistics to CSV, times NFStream's in memory"
            targets.append(target(what, ">= 20", times, times >= 20))
            speed = packets / detect.middle("cpu") / 1e6
            targets.append(target(f"{name}: detect, M packets/s of CPU", ">= 0.5", speed, speed >= 0.5))
    records = rate("records", "NetFlow v9")
    targets.append(target("NetFlow v9, M records/s of CPU", ">= 1", records, records >= 1))
    row, more = flood()
    rows.append(row)
    sizes = ", ".join(f"{name} {capture(name)[1]:,} packets" for name in CAPTURES)
    save(
        "flows",
        f"Captures made by `eddy generate` ({sizes}; whole packets, {ROUNDS} rounds, medians) to flows with NFStream's "
        "statistics or all features; CPU seconds are those of all threads. NFStream: statistics on, applications not "
        "dissected, same timeouts.",
        rows,
        targets + more,
        "nfstream",
    )


if __name__ == "__main__":
    main()
