"""Short runs: how long until the help, and until a small file has been looked at. Standard library only."""

from __future__ import annotations

import sys

from measure import BENCH, EDDY, Contender, Run, child, ratio, save, shared_data, take_turns, target

ROUNDS = 21
SERIES = "nab/data/realAWSCloudwatch/ec2_network_in_257a54.csv"


def short(command: list) -> Run:
    """Times a command. Its peak memory is left out: a small program needs less than the process that starts it."""
    run = child(command)
    return Run(run.wall, run.cpu)


def main() -> None:
    series = shared_data() / SERIES
    contenders = {
        "help": [
            Contender("eddy --help", lambda: short([EDDY, "--help"])),
            Contender(
                "python: import pandas, sklearn.ensemble",
                lambda: short([sys.executable, "-c", "import pandas, sklearn.ensemble"]),
            ),
        ]
    }
    skipped = ()
    if series.exists():
        script = [sys.executable, BENCH / "peer_detect.py", "series", series]
        contenders["detect"] = [
            Contender("eddy detect, defaults", lambda: short([EDDY, "detect", series])),
            Contender("pandas + scikit-learn, isolation forest", lambda: short(script)),
        ]
    else:
        skipped = (f"{SERIES}: not found; put the data under ../shared/data or name its folder with EDDY_DATA",)
        print("  skipped: " + skipped[0])
    rows, targets = [], []
    for does, (ours, peer) in contenders.items():
        take_turns([ours, peer], ROUNDS)
        rows += [one.row(does=does, ratio=round(ratio(one, ours, "wall"), 1)) for one in (ours, peer)]
        wall = ours.middle("wall")
        limit = {"help": 0.02, "detect": 0.5}[does]
        targets.append(target(f"{ours.name}, seconds", f"< {limit}", wall, wall < limit))
    save(
        "startup",
        f"Whole processes; `detect` is the 4,032-row series {SERIES}. Medians of {ROUNDS} rounds; `ratio` = wall time "
        "against Eddy, round by round.",
        rows,
        targets,
        "scikit-learn",
        "pandas",
        skipped=skipped,
    )


if __name__ == "__main__":
    main()
