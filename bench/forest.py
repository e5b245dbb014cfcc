"""Isolation forest: fit and score 1,000,000 x 10 numbers with 100 trees of 256 rows."""

from __future__ import annotations

import joblib
import numpy as np
from isotree import IsolationForest as IsoTree
from sklearn.ensemble import IsolationForest

from measure import Contender, Run, Side, normal_table, ratio, save, take_turns, target, timed

ROUNDS = 7
FOREST = {"detector": "isolation_forest", "params": {"n_estimators": 100, "max_samples": 256}, "seed": 1}


def main() -> None:
    values, path = normal_table("forest", 1_000_000, 10)
    sides = {threads: Side(threads) for threads in (1, 2)}
    for side in sides.values():
        side.ask("load", name="rows", path=path, n_cols=10)

    def eddy_fit(threads: int) -> Run:
        return sides[threads].timed("fit", rows="rows", repeat=20, **FOREST)

    def eddy_score(threads: int) -> Run:
        return sides[threads].timed("score", rows="rows")

    learner: dict[str, object] = {}

    def sklearn_fit() -> Run:
        learner["sklearn"] = IsolationForest(n_estimators=100, max_samples=256, random_state=1)
        return timed(lambda: learner["sklearn"].fit(values))

    def sklearn_score() -> Run:
        return timed(lambda: learner["sklearn"].score_samples(values))

    def sklearn_threads() -> Run:
        def score() -> None:
            with joblib.parallel_config("threading", n_jobs=2):
                learner["sklearn"].score_samples(values)

        return timed(score)

    def sklearn_chunks() -> Run:
        job = joblib.delayed(learner["sklearn"].score_samples)
        return timed(lambda: joblib.Parallel(2, "threading")(job(part) for part in np.array_split(values, 16)))

    def isotree_fit(threads: int) -> Run:
        learner["isotree"] = IsoTree(
            ntrees=100, sample_size=256, ndim=1, missing_action="fail", random_seed=1, nthreads=threads
        )
        return timed(lambda: learner["isotree"].fit(values))

    def isotree_score() -> Run:
        return timed(lambda: learner["isotree"].predict(values))

    fits = [
        Contender("Eddy, 1 thread", lambda: eddy_fit(1)),
        Contender("Eddy, 2 threads", lambda: eddy_fit(2)),
        Contender("scikit-learn", sklearn_fit),
        Contender("isotree, 2 threads", lambda: isotree_fit(2)),
    ]
    scores = [
        Contender("Eddy, 1 thread", lambda: eddy_score(1)),
        Contender("Eddy, 2 threads", lambda: eddy_score(2)),
        Contender("scikit-learn, default", sklearn_score),
        Contender("scikit-learn, 2 joblib threads", sklearn_threads),
        Contender("scikit-learn, row chunks on 2 threads", sklearn_chunks),
        Contender("isotree, 2 threads", isotree_score),
    ]
    # One turn of both: each score is that of the model fitted in the same round.
    take_turns(fits + scores, ROUNDS)
    for side in sides.values():
        side.close()

    fit, default = ratio(fits[2], fits[1], "wall"), ratio(scores[2], scores[1], "wall")
    spread = min(ratio(threaded, scores[1], "wall") for threaded in scores[3:5])
    rows = [one.row(does="fit", ratio=round(ratio(one, fits[1], "wall"), 2)) for one in fits]
    rows += [one.row(does="score", ratio=round(ratio(one, scores[1], "wall"), 2)) for one in scores]
    save(
        "forest",
        "Isolation forest on 1,000,000 x 10 32-bit floats in memory, 100 trees, 256 samples. "
        f"Medians of {ROUNDS} rounds; `ratio` = time against Eddy on 2 threads, round by round.",
        rows,
        [
            target("fit, times faster than scikit-learn", ">= 20", fit, fit >= 20),
            target("score, times faster than scikit-learn's default", ">= 10", default, default >= 10),
            target("score, times faster than scikit-learn over 2 threads, the better of two ways", ">= 6", spread, spread >= 6),
        ],
        "scikit-learn",
        "isotree",
        "numpy",
        "joblib",
    )


if __name__ == "__main__":
    main()
