"""K-means, DBSCAN, neighbours, PCA, Gaussian mixture and support vector machines beside scikit-learn and PyOD.

Both sides read the same bytes and work in a process of their own, of which the work alone is timed: fit, then scores
of the same rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.datasets import make_blobs, make_classification

from measure import BENCH, DATA, RELEASE, Contender, Run, ratio, save, take_turns, target

ROUNDS = 3
SIDE = RELEASE / "examples" / "clusters_side"


@dataclass
class Task:
    """One task over one table: its parameters here and there, and how alike the results should be."""

    name: str
    table: str
    ours: dict
    theirs: dict
    alike: str
    least_wall: float
    least_memory: float = 2
    labelled: bool = False
    grown: dict[str, list[float]] = field(default_factory=lambda: {"ours": [], "theirs": []})


TASKS = [
    Task("k_means", "normal", {"n_clusters": 8, "min_share": 1e-9}, {"n_clusters": 8}, "inertia", 1.5),
    Task("dbscan_labels", "blobs", {"eps": 2.0, "min_samples": 5}, {"eps": 2.0, "min_samples": 5}, "equal", 3),
    Task("dbscan_labels", "uniform", {"eps": 0.4, "min_samples": 5}, {"eps": 0.4, "min_samples": 5}, "equal", 3),
    Task("knn", "blobs", {"max_samples": 50_000}, {}, "close", 2),
    Task("lof", "blobs", {"max_samples": 50_000}, {}, "close", 2),
    Task("k_neighbors", "classes", {}, {}, "close", 1, labelled=True),
    Task("pca_reconstruction", "normal", {"variance": 0.85, "distance": "reconstruction"}, {"n_components": 0.85}, "close", 1),
    Task("pca_reconstruction", "wide", {"variance": 0.8, "distance": "reconstruction"}, {"n_components": 0.8}, "close", 1),
    Task("gaussian_mixture", "blobs", {"n_components": 8, "max_samples": 50_000}, {"n_components": 8}, "order", 1),
    Task("one_class_svm", "classes", {"nu": 0.1, "max_samples": 10_000}, {"nu": 0.1}, "close", 1),
    Task("rbf_svm", "classes", {}, {}, "order", 1, labelled=True),
]


def tables() -> dict[str, int]:
    """Writes the tables; their numbers of columns."""
    DATA.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    made = {
        "normal": rng.standard_normal((1_000_000, 10), dtype=np.float32),
        "wide": rng.standard_normal((100_000, 80), dtype=np.float32),
        "uniform": rng.random((50_000, 10), dtype=np.float32),
        "blobs": make_blobs(50_000, 10, centers=8, random_state=1)[0],
    }
    made["classes"], labels = make_classification(10_000, 40, n_informative=15, flip_y=0.02, random_state=1)
    made["classes"] = (made["classes"] - made["classes"].mean(axis=0)) / made["classes"].std(axis=0)
    labels.astype(np.uint8).tofile(DATA / "clusters.classes.u8")
    for name, values in made.items():
        values.astype(np.float32).tofile(DATA / f"clusters.{name}.f32")
    return {name: values.shape[1] for name, values in made.items()}


def run(task: Task, n_cols: int, who: str) -> Run:
    command = [SIDE] if who == "ours" else [sys.executable, BENCH / "peer_clusters.py"]
    labels = DATA / "clusters.classes.u8" if task.labelled else "-"
    rows = DATA / f"clusters.{task.table}.f32"
    words = [*command, task.name, rows, n_cols, json.dumps(getattr(task, who)), labels, result_path(who)]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{task.name} ({who}): {done.stderr}")
    answer = json.loads(done.stdout)
    task.grown[who].append(answer["grown_mb"])
    return Run(answer["fit_s"] + answer["score_s"], answer["cpu_s"], answer["peak_mb"])


def result_path(who: str) -> Path:
    return DATA / f"clusters.{who}.f64"


def compare(task: Task) -> str:
    """How alike the last results of both sides are."""
    ours, theirs = np.fromfile(result_path("ours")), np.fromfile(result_path("theirs"))
    if task.alike == "equal":
        return f"{(ours == theirs).mean():.6f} of labels equal"
    if task.alike == "inertia":
        return f"inertia {(ours**2).sum() / (theirs**2).sum():.4f} of theirs"
    if task.alike == "close":
        return f"largest difference {np.abs(ours - theirs).max() / np.abs(theirs).max():.1e} of the largest score"
    ranks = [np.argsort(np.argsort(scores)) for scores in (ours, theirs)]
    return f"rank correlation {np.corrcoef(*ranks)[0, 1]:.4f}"


def main() -> None:
    widths = tables()
    rows, targets = [], []
    for task in TASKS:
        print(f"  {task.name}, {task.table}", file=sys.stderr)
        n_cols = widths[task.table]
        ours = Contender("Eddy", lambda: run(task, n_cols, "ours"))
        theirs = Contender("peer", lambda: run(task, n_cols, "theirs"))
        take_turns([ours, theirs], ROUNDS)
        what = f"{task.name}, {task.table}"
        times = {key: ratio(theirs, ours, key) for key in ("wall", "cpu", "peak_mb")}
        for one, who in ((ours, "ours"), (theirs, "theirs")):
            grown = round(sorted(task.grown[who][1:])[ROUNDS // 2], 1)
            ratios = {f"{key}_ratio": round(ratio(one, ours, key), 2) for key in ("wall", "cpu", "peak_mb")}
            rows.append(one.row(grown_mb=grown, does=what, **ratios, alike=compare(task)))
        for key, what_for, least in (
            ("wall", "times faster", task.least_wall),
            ("cpu", "times less CPU", task.least_wall),
            ("peak_mb", "times less peak memory", task.least_memory),
        ):
            targets.append(target(f"{what}, {what_for}", f">= {least}", times[key], times[key] >= least))
    save(
        "clusters",
        "Fit, then score the same rows, in a process each: normal 1,000,000 x 10, blobs and uniform 50,000 x 10, wide "
        "100,000 x 80, classes 10,000 x 40; Eddy on 2 threads, peers (scikit-learn; PyOD for knn and lof) as they come. "
        f"Medians of {ROUNDS} rounds; ratios against Eddy, round by round. Peak memory is that of the process, `grown_mb` "
        "what the work added. Eddy's rbf_svm learns probabilities on 3 folds besides; the peer's has none.",
        rows,
        targets,
        "scikit-learn",
        "pyod",
        "numpy",
    )


if __name__ == "__main__":
    main()
