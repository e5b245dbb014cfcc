"""A CSV file in, the same rows with scores and verdicts out: the programs as a whole. Standard library only."""

from __future__ import annotations

import subprocess
import sys

from measure import BENCH, DATA, EDDY, Contender, child, ratio, save, take_turns, target

ROUNDS = 5
N_ROWS = 1_000_000


def main() -> None:
    DATA.mkdir(exist_ok=True)
    table = DATA / "end_to_end.csv"
    make = [sys.executable, BENCH / "peer_detect.py", "make", table, str(N_ROWS)]
    subprocess.run(make, check=True)

    eddy = [EDDY, "detect", table, "--detector", "isolation_forest", "--contamination", "0.01", "--quiet"]
    eddy += ["--set", "isolation_forest.n_estimators=100", "--set", "isolation_forest.max_samples=256"]
    peer = [sys.executable, BENCH / "peer_detect.py", "detect", table]
    ours_out, peer_out = DATA / "out_eddy.csv", DATA / "out_peer.csv"
    contenders = [
        Contender("Eddy", lambda: child([*eddy, "--out", ours_out])),
        Contender("pandas + scikit-learn", lambda: child([*peer, peer_out, "1"])),
        Contender("pandas + scikit-learn, scoring on 2 threads", lambda: child([*peer, peer_out, "2"])),
    ]
    take_turns(contenders, ROUNDS)
    for out in (ours_out, peer_out):
        with out.open("rb") as lines:
            if sum(1 for _ in lines) != N_ROWS + 1:
                sys.exit(f"{out.name} does not hold all rows")
    ours = contenders[0]
    wall, peak = ratio(contenders[1], ours, "wall"), 1 / ratio(contenders[1], ours, "peak_mb")
    save(
        "end_to_end",
        f"CSV of {N_ROWS:,} x 10 numbers ({table.stat().st_size / 1e6:.0f} MB): read, fit 100 trees, score all rows, "
        f"flag 1 %, write CSV. Whole processes. Medians of {ROUNDS} rounds; `ratio` = wall time against Eddy, round by "
        "round.",
        [one.row(ratio=round(ratio(one, ours, "wall"), 2)) for one in contenders],
        [
            target("wall time, times less than pandas + scikit-learn", ">= 8", wall, wall >= 8),
            target("peak memory, share of pandas + scikit-learn", "<= 0.333", peak, peak <= 1 / 3),
        ],
        "scikit-learn",
        "pandas",
        "numpy",
    )


if __name__ == "__main__":
    main()
