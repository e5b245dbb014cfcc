"""A dense and an LSTM autoencoder: seconds per epoch, peak memory and loss, beside PyTorch and Keras."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from measure import BENCH, DATA, RELEASE, digits, save, target

ROUNDS, EPOCHS = 3, 3
SIDE = RELEASE / "examples" / "deep_side"
#: Rows, columns, and Eddy's name and parameters of the same net.
PLAIN = {"epochs": EPOCHS, "batch_size": 32, "validation_share": 0}
NETS = {
    "dense": (117_000, 20, "autoencoder", PLAIN | {"hidden": [64, 10], "dropout": 0.1, "trimmed": 0}),
    "lstm": (10_023, 8, "lstm_autoencoder", PLAIN | {"window": 24, "hidden_size": 32, "stride": 1, "learning_rate": 0.001}),
}


@dataclass
class Contender:
    """A program, and for each round the median seconds of an epoch but the first, peak memory and the last loss."""

    name: str
    command: list[str | Path]
    threads: int
    seconds: list[float] = field(default_factory=list)
    peaks_mb: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def once(self, seed: int) -> None:
        threads = {"RAYON_NUM_THREADS": str(self.threads), "OMP_NUM_THREADS": str(self.threads)}
        command = [*map(str, self.command), str(seed)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | threads)
        lines = process.stdout.read().decode().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{self.name} ended with {process.returncode}: {' '.join(command)}")
        epochs = [line for line in map(json.loads, lines) if "epoch" in line]
        self.seconds.append(statistics.median(epoch["seconds"] for epoch in epochs[1:]))
        self.peaks_mb.append(usage.ru_maxrss / 1024)
        self.losses.append(epochs[-1]["loss"])


def make(net: str, n_rows: int, n_cols: int) -> Path:
    """Seeded rows with something to learn, in a process of its own: what it needs counts for nobody's peak memory."""
    path = DATA / f"deep_{net}.f32"
    DATA.mkdir(exist_ok=True)
    code = f"""
import numpy as np
rng = np.random.default_rng(1)
n, d = {n_rows}, {n_cols}
if {net!r} == "dense":
    signal = np.tanh(rng.standard_normal((n, 6)) @ rng.standard_normal((6, d)))
else:
    period = np.array([12, 24, 48, 96, 30, 60, 17, 40])[:d]
    signal = np.sin(2 * np.pi * np.arange(n)[:, None] / period + rng.uniform(0, 6, d))
x = signal + 0.3 * rng.standard_normal((n, d))
((x - x.mean(0)) / x.std(0)).astype(np.float32).tofile({str(path)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    return path


def main() -> None:
    rows, targets = [], []
    for net, (n_rows, n_cols, detector, params) in NETS.items():
        path = make(net, n_rows, n_cols)
        ours = [SIDE, path, n_cols, detector, json.dumps(params)]

        def peer(who: str, threads: int) -> Contender:
            command = [sys.executable, BENCH / "peer_deep.py", who, net, path, n_cols, EPOCHS, threads]
            name = {"torch": "PyTorch", "keras": "Keras"}[who]
            return Contender(f"{name}, {threads} thread{'s' * (threads > 1)}", command, threads)

        eddy = [Contender("Eddy, 1 thread", ours, 1), Contender("Eddy, 2 threads", ours, 2)]
        torch = [peer("torch", 1), peer("torch", 2)]
        keras = [peer("keras", 2)]
        for seed in range(ROUNDS):
            for one in eddy + torch + keras:
                one.once(seed)
            print(f"  {net}: round {seed + 1} of {ROUNDS}", file=sys.stderr)

        def best(group: list[Contender]) -> Contender:
            return min(group, key=lambda one: statistics.median(one.seconds))

        def ratio(one: Contender) -> float:
            return statistics.median(a / b for a, b in zip(one.seconds, best(eddy).seconds, strict=True))

        for one in eddy + torch + keras:
            rows.append({
                "net": net,
                "who": one.name,
                "epoch_s": digits(statistics.median(one.seconds)),
                "epoch_min_s": digits(min(one.seconds)),
                "epoch_max_s": digits(max(one.seconds)),
                "peak_mb": round(statistics.median(one.peaks_mb), 1),
                "loss_mean": digits(statistics.mean(one.losses)),
                "loss_sd": digits(statistics.stdev(one.losses)),
                "ratio": round(ratio(one), 2),
            })
        wanted = 5 if net == "dense" else 1
        for group, name in ((torch, "PyTorch at its best"), (keras, "Keras")):
            times = ratio(best(group))
            memory = statistics.median(best(eddy).peaks_mb) / statistics.median(best(group).peaks_mb)
            losses = [loss for one in group for loss in one.losses]
            loss = statistics.mean(best(eddy).losses) / statistics.mean(losses)
            noise = 1 + 2 * statistics.stdev(losses) / statistics.mean(losses)
            targets += [
                target(f"{net}: epoch, times faster than {name}", f">= {wanted}", times, times >= wanted),
                target(f"{net}: peak memory, share of {name}", "<= 0.5", memory, memory <= 0.5),
                target(f"{net}: last loss, share of {name}", f"<= {noise:.3f}", loss, loss <= noise),
            ]
    save(
        "deep",
        f"Dense: 117,000 x 20 through 64-10-64 with dropout 0.1. LSTM: 10,000 windows of 24 x 8, 32 wide, read and given "
        f"back. Batches of 32, Adam, {EPOCHS} epochs, of which the first does not count; the loss is that of the last "
        f"one. Medians of {ROUNDS} rounds, each with its own seed; `ratio` = time against Eddy at its best, round by "
        "round. Wanted of the loss: no more than two deviations between seeds above the peer's. Peak memory is that "
        "of the whole process, interpreter and libraries included. PyTorch on 2 threads waits by spinning: beside other "
        "work it may take many times as long.",
        rows,
        targets,
        "torch",
        "keras",
        "tensorflow-cpu",
        "numpy",
    )


if __name__ == "__main__":
    main()
