"""The peers' side of clusters.py: does one task over one table in a process of its own, as `clusters_side` does.

python3 peer_clusters.py TASK ROWS N_COLS PARAMS LABELS OUT
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def task(name: str, params: dict):
    """What to fit, and how its result for the fitted rows is had."""
    if name == "k_means":
        from sklearn.cluster import KMeans

        # Its labels come with the fit; the distances are what our scores are.
        return KMeans(n_init=1, random_state=1, **params), lambda model, x: model.transform(x).min(axis=1)
    if name == "dbscan_labels":
        from sklearn.cluster import DBSCAN

        return DBSCAN(**params), lambda model, x: model.labels_
    if name == "knn":
        from pyod.models.knn import KNN

        return KNN(**params), lambda model, x: model.decision_scores_
    if name == "lof":
        from pyod.models.lof import LOF

        return LOF(**params), lambda model, x: model.decision_scores_
    if name == "k_neighbors":
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(**params), lambda model, x: model.predict_proba(x)[:, 1]
    if name == "pca_reconstruction":
        from sklearn.decomposition import PCA

        def error(model, x):
            return ((x - model.inverse_transform(model.transform(x))) ** 2).sum(axis=1)

        return PCA(**params), error
    if name == "gaussian_mixture":
        from sklearn.mixture import GaussianMixture

        return GaussianMixture(random_state=1, **params), lambda model, x: -model.score_samples(x)
    if name == "one_class_svm":
        from sklearn.svm import OneClassSVM

        return OneClassSVM(**params), lambda model, x: -model.decision_function(x)
    if name == "rbf_svm":
        from sklearn.svm import SVC

        return SVC(**params), lambda model, x: model.decision_function(x)
    sys.exit(f"'{name}' is no task")


def main() -> None:
    name, path, n_cols, params, labels, out = sys.argv[1:]
    x = np.fromfile(path, np.float32).reshape(-1, int(n_cols))
    y = None if labels == "-" else np.fromfile(labels, np.uint8)
    model, result = task(name, json.loads(params))
    held, cpu = status("VmRSS:"), time.process_time()
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    model.fit(x, y)
    fitted = time.perf_counter()
    scores = result(model, x)
    end = time.perf_counter()
    peak = status("VmHWM:")
    answer = {
        "fit_s": fitted - start,
        "score_s": end - fitted,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": peak,
        "grown_mb": peak - held,
    }
    np.asarray(scores, np.float64).tofile(out)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
