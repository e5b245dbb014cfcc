"""Makes reference.csv: small seeded data and the scores that NumPy, PyOD and scikit-learn give it.

Run with numpy, scikit-learn and pyod installed: python3 make.py
"""

import csv
import pathlib

import numpy as np
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from sklearn.ensemble import IsolationForest

N_ORDINARY, N_OUTLIERS, N_SEEDS = 280, 20, 30

rng = np.random.default_rng(7)
ordinary = np.column_stack([
    rng.normal(0.0, 1.0, N_ORDINARY),
    rng.gamma(2.0, 3.0, N_ORDINARY),
    # Ties, and a skew to the left.
    -rng.poisson(2.0, N_ORDINARY).astype(float),
    rng.uniform(-1.0, 1.0, N_ORDINARY),
])
outliers = rng.uniform([-6, 0, -12, -3], [6, 40, 3, 3], (N_OUTLIERS, 4))
X = np.vstack([ordinary, outliers]).astype(np.float32).astype(np.float64)
label = np.r_[np.zeros(N_ORDINARY, int), np.ones(N_OUTLIERS, int)]

median = np.median(X, axis=0)
z = 0.6745 * np.abs(X - median) / np.median(np.abs(X - median), axis=0)

scores = {
    "ecod": ECOD().fit(X).decision_scores_,
    "copod": COPOD().fit(X).decision_scores_,
    # With next to no smoothing PyOD's score is that of the paper but for one constant.
    "hbos": HBOS(n_bins=10, alpha=1e-12).fit(X).decision_scores_,
    "robust_z_max": z.max(axis=1),
    "robust_z_rms": np.sqrt((z**2).mean(axis=1)),
    "isolation_forest": np.mean(
        [-IsolationForest(random_state=seed).fit(X).score_samples(X) for seed in range(N_SEEDS)], axis=0
    ),
}

with open(pathlib.Path(__file__).parent / "reference.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["x0", "x1", "x2", "x3", "label", *scores])
    for row, is_outlier, *values in zip(X, label, *scores.values()):
        writer.writerow([*(f"{np.float32(x)}" for x in row), is_outlier, *(f"{value:.12g}" for value in values)])
