"""ECOD, COPOD, HBOS and LODA: fit and score 100,000 x 20 numbers, then as many others, beside PyOD."""

from __future__ import annotations

import sys

import numpy as np
from pyod.models.base import BaseDetector
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from pyod.models.loda import LODA

from measure import Contender, Run, Side, normal_table, ratio, save, take_turns, timed

ROUNDS = 5
PEERS = {"ecod": ECOD, "copod": COPOD, "hbos": HBOS, "loda": LODA}


def main() -> None:
    values, path = normal_table("detectors", 200_000, 20)
    trained, others = np.split(values, 2)
    trained.tofile(path)
    others.tofile(path.with_suffix(".others.f32"))
    sides = {threads: Side(threads) for threads in (1, 2)}
    for side in sides.values():
        side.ask("load", name="trained", path=path, n_cols=20)
        side.ask("load", name="others", path=path.with_suffix(".others.f32"), n_cols=20)

    def eddy(name: str, threads: int) -> Run:
        fit = sides[threads].timed("fit", rows="trained", detector=name)
        score = sides[threads].timed("score", rows="trained")
        return Run(fit.wall + score.wall, fit.cpu + score.cpu)

    learner: dict[str, BaseDetector] = {}

    def pyod(name: str) -> Run:
        learner[name] = PEERS[name]()
        # Fitting already scores the training rows: nothing more is asked of it.
        return timed(lambda: learner[name].fit(trained).decision_scores_)

    rows = []
    for name in PEERS:
        both = [
            Contender("Eddy, 1 thread", lambda name=name: eddy(name, 1)),
            Contender("Eddy, 2 threads", lambda name=name: eddy(name, 2)),
            Contender("PyOD, default (n_jobs=1)", lambda name=name: pyod(name)),
        ]
        further = [
            Contender("Eddy, 1 thread", lambda: sides[1].timed("score", rows="others")),
            Contender("Eddy, 2 threads", lambda: sides[2].timed("score", rows="others")),
            Contender(
                "PyOD, default (n_jobs=1)",
                lambda name=name: timed(lambda: learner[name].decision_function(others)),
            ),
        ]
        print(f"  {name}", file=sys.stderr)
        take_turns(both + further, ROUNDS)
        for does, contenders in (("fit, score the same rows", both), ("score others", further)):
            rows += [
                one.row(does=f"{name}: {does}", ratio=round(ratio(one, contenders[1], "wall"), 2))
                for one in contenders
            ]
    for side in sides.values():
        side.close()
    save(
        "detectors",
        f"100,000 x 20 32-bit floats in memory, and as many others; default parameters. Medians of {ROUNDS} rounds; "
        "`ratio` = time against Eddy on 2 threads, round by round.",
        rows,
        [],
        "pyod",
        "numpy",
        "scipy",
    )


if __name__ == "__main__":
    main()
