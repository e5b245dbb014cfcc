"""Models that learn from labels: fit and score 126,000 x 40 numbers, beside scikit-learn and LightGBM."""

from __future__ import annotations

import os
import sys

import numpy as np
from sklearn.datasets import make_classification

from measure import DATA, Contender, Run, Side, digits, peers, ratio, save, take_turns, target

ROWS, COLS, TEST = 126_000, 40, 30_000
ROUNDS = int(os.environ.get("EDDY_BENCH_ROUNDS", "3"))

# What is compared: Eddy's detector and parameters, then the peers', each with the least ratios of time wanted.
TASKS = {
    "random_forest": {
        # As many columns a cut as the peer looks at: the square root of their number.
        "eddy": {"n_estimators": 100, "max_features": None},
        "peers": {
            "scikit-learn": ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 100, "n_jobs": 2}),
        },
        "fit": 10.0,
        "score": 3.0,
    },
    "gradient_boosting": {
        "eddy": {"n_estimators": 100, "max_leaves": 31, "patience": None, "l2": None},
        "peers": {
            "scikit-learn": (
                "sklearn.ensemble.HistGradientBoostingClassifier",
                {"max_iter": 100, "max_leaf_nodes": 31, "early_stopping": False},
            ),
            "LightGBM": ("lightgbm.LGBMClassifier", {"n_estimators": 100, "num_leaves": 31, "n_jobs": 2, "verbose": -1}),
        },
        "fit": 1.5,
        "score": None,
    },
    "logistic_regression": {
        "eddy": {},
        "peers": {"scikit-learn": ("sklearn.linear_model.LogisticRegression", {"max_iter": 1000})},
        "fit": 1.0,
        "score": None,
    },
}


def tables() -> dict:
    """A table to learn from, one to measure on, and the files that hold them."""
    values, labels = make_classification(
        ROWS + TEST, COLS, n_informative=20, n_redundant=8, n_clusters_per_class=8, flip_y=0.02, random_state=1
    )
    values, labels = values.astype(np.float32), labels.astype(np.uint8)
    DATA.mkdir(exist_ok=True)
    paths = {"rows": DATA / "supervised.f32", "labels": DATA / "supervised.u8", "test": DATA / "supervised_test.f32"}
    values[:ROWS].tofile(paths["rows"])
    labels[:ROWS].tofile(paths["labels"])
    values[ROWS:].tofile(paths["test"])
    return paths | {"truth": labels[ROWS:]}


def main() -> None:
    wanted = [name for name in os.environ.get("EDDY_BENCH_TASKS", "").split(",") if name] or list(TASKS)
    data = tables()
    rows, targets = [], []
    for task in wanted:
        asked = TASKS[task]
        sides: dict[str, Side] = {"Eddy": Side(2)} | {name: peers(2) for name in asked["peers"]}
        for side in sides.values():
            side.ask("load", name="rows", path=data["rows"], n_cols=COLS)
            side.ask("load", name="test", path=data["test"], n_cols=COLS)
        accuracy = {}

        def fit(name: str) -> Run:
            side = sides[name]
            if name == "Eddy":
                return side.timed("fit", rows="rows", labels=data["labels"], detector=task, params=asked["eddy"], seed=1)
            peer, params = asked["peers"][name]
            return side.timed("fit", rows="rows", labels=data["labels"], peer=peer, params=params)

        def score(name: str) -> Run:
            return sides[name].timed("score", rows="rows")

        fits = {name: Contender(name, lambda name=name: fit(name)) for name in sides}
        scores = {name: Contender(name, lambda name=name: score(name)) for name in sides}
        take_turns([*fits.values(), *scores.values()], ROUNDS)
        for name, side in sides.items():
            to = DATA / "supervised_scores.f64"
            side.ask("score", rows="test", to=to)
            found = np.fromfile(to, dtype=np.float64) >= 0.5
            accuracy[name] = float(np.mean(found == (data["truth"] > 0)))
            side.close()
        for does, ran in (("fit", fits), ("score", scores)):
            for name, one in ran.items():
                wall, cpu = ratio(one, ran["Eddy"], "wall"), ratio(one, ran["Eddy"], "cpu")
                memory = ratio(one, ran["Eddy"], "peak_mb")
                rows.append(
                    {"model": task, "does": does}
                    | one.row(ratio=digits(wall), cpu_ratio=digits(cpu), memory_ratio=digits(memory))
                    | {"test_accuracy": digits(accuracy[name])}
                )
                if name != "Eddy" and asked[does]:
                    least = asked[does] if name == "scikit-learn" else 1.0
                    title = f"{task}, {does}, times faster than {name}"
                    targets.append(target(title, f">= {least:g}", wall, wall >= least))
                    title = f"{task}, {does}, times less CPU than {name}"
                    targets.append(target(title, f">= {least:g}", cpu, cpu >= least))
                    if does == "fit":
                        title = f"{task}, peak memory, times less than {name}"
                        targets.append(target(title, ">= 2", memory, memory >= 2))
        print(f"  {task} done", file=sys.stderr)
    save(
        "supervised",
        f"{ROWS:,} x {COLS} 32-bit floats in memory, two classes, both sides on 2 threads and in processes of their "
        f"own; scored are the rows learned from; accuracy on {TEST:,} others. Medians of {ROUNDS} rounds; `ratio` = time "
        "against Eddy, round by round.",
        rows,
        targets,
        "scikit-learn",
        "lightgbm",
        "numpy",
    )


if __name__ == "__main__":
    main()
