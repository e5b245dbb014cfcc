"""Timing, the Eddy side, and result files: what all benches share. Standard library only."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
DATA = BENCH / "data"
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
EDDY = RELEASE / "eddy"
SIDE = RELEASE / "examples" / "bench_side"


@dataclass
class Run:
    """Seconds of one run, and the peak memory of its process where that is a process of its own."""

    wall: float
    cpu: float
    peak_mb: float | None = None


@dataclass
class Contender:
    """A program and how to run it once."""

    name: str
    once: Callable[[], Run]
    runs: list[Run] = field(default_factory=list)

    def middle(self, what: str) -> float:
        return statistics.median(getattr(run, what) for run in self.runs)

    def row(self, **more: object) -> dict:
        walls = [run.wall for run in self.runs]
        row = {
            "who": self.name,
            "wall_s": digits(self.middle("wall")),
            "wall_min_s": digits(min(walls)),
            "wall_max_s": digits(max(walls)),
            "cpu_s": digits(self.middle("cpu")),
        }
        if self.runs[0].peak_mb is not None:
            row["peak_mb"] = round(self.middle("peak_mb"), 1)
        return row | more


def digits(value: float) -> float:
    """Four significant digits are more than a shared machine can mean."""
    return float(f"{value:.4g}")


def take_turns(contenders: list[Contender], rounds: int) -> None:
    """Runs each contender once per round, so that all meet the same disturbances; the first round does not count."""
    for at in range(rounds + 1):
        for contender in contenders:
            run = contender.once()
            if at:
                contender.runs.append(run)
        print(f"  round {at} of {rounds}" + ("" if at else " (warm-up)"), file=sys.stderr)


def ratio(peer: Contender, ours: Contender, what: str) -> float:
    """How many times more the peer took: the median over the rounds, each against its neighbour in the same round."""
    pairs = zip(peer.runs, ours.runs, strict=True)
    return statistics.median(getattr(p, what) / getattr(o, what) for p, o in pairs)


def timed(call: Callable[[], object]) -> Run:
    """Times a call in this process; CPU is that of all its threads."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Run(time.perf_counter() - wall, time.process_time() - cpu)


def child(command: list[str | Path], **environment: str) -> Run:
    """Times a whole process. The caller should be small: a child's peak memory starts at its parent's."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{Path(command[0]).name} ended with {process.returncode}: {' '.join(map(str, command[1:]))}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Side:
    """One side: a process that does what it is told, on a given number of threads. By default it is Eddy's."""

    def __init__(self, threads: int, command: tuple[str | Path, ...] = (SIDE,)) -> None:
        self.name = Path(command[-1]).stem
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"RAYON_NUM_THREADS": str(threads)},
        )

    def ask(self, do: str, **more: object) -> dict:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do} | more, default=str) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            sys.exit(f"{self.name}: {do}: {answer['error']}")
        return answer

    def cpu(self) -> float:
        """CPU seconds of the process so far: the clock that clock_getcpuclockid(3) names."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def peak_mb(self) -> float:
        """The most memory that the process has had so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def timed(self, do: str, repeat: int = 1, **more: object) -> Run:
        before = self.cpu()
        seconds = self.ask(do, repeat=repeat, **more)["seconds"]
        return Run(seconds, (self.cpu() - before) / repeat, self.peak_mb())

    def close(self) -> None:
        self.process.communicate()


def peers(threads: int) -> Side:
    """The side of the Python programs."""
    return Side(threads, (sys.executable, BENCH / "peer_side.py"))


def normal_table(name: str, n_rows: int, n_cols: int):
    """A seeded table of normal numbers as 32-bit floats, and the file that holds it."""
    import numpy as np

    DATA.mkdir(exist_ok=True)
    values = np.random.default_rng(1).standard_normal((n_rows, n_cols), dtype=np.float32)
    path = DATA / f"{name}.f32"
    values.tofile(path)
    return values, path


def shared_data() -> Path:
    """The folder of public data sets."""
    return Path(os.environ.get("EDDY_DATA", ROOT.parent / "shared" / "data"))


def target(name: str, wanted: str, measured: float, met: bool) -> dict:
    return {"target": name, "wanted": wanted, "measured": digits(measured), "met": bool(met)}


def save(
    bench: str,
    about: str,
    rows: list[dict],
    targets: list[dict],
    *peers: str,
    skipped: tuple[str, ...] = (),
) -> None:
    """Writes the results of a bench and prints them."""
    versions = {name: metadata.version(name) for name in peers} | {"python": platform.python_version()}
    result = {
        "bench": bench,
        "about": about,
        "hardware": f"{os.cpu_count()} cores, shared {platform.machine().replace('_', '-')}",
        "versions": versions,
        "rows": rows,
        "targets": targets,
        "skipped": list(skipped),
    }
    path = BENCH / "results" / f"{bench}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        print("  " + "  ".join(f"{key}={value}" for key, value in row.items()))
    for one in targets:
        print(f"  {'met ' if one['met'] else 'MISSED'} {one['target']}: {one['measured']} (wanted {one['wanted']})")
