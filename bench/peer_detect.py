"""What a person would write with pandas and scikit-learn: the peer of `eddy detect`.

    peer_detect.py make OUT.csv ROWS           writes a seeded table of ten numeric columns
    peer_detect.py detect IN.csv OUT.csv JOBS  reads, fits, scores, flags 1 %, writes
    peer_detect.py series IN.csv               reads a metric series, scores it, prints the ten most unusual rows
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd


def make(out: str, n_rows: str) -> None:
    values = np.random.default_rng(1).standard_normal((int(n_rows), 10)).round(4)
    pd.DataFrame(values, columns=[f"f{idx}" for idx in range(10)]).to_csv(out, index=False)


def detect(table: str, out: str, jobs: str) -> None:
    import joblib
    from sklearn.ensemble import IsolationForest

    frame = pd.read_csv(table)
    # 32-bit floats are what scikit-learn's trees work on: given them, it makes no copy.
    values = frame.to_numpy(dtype=np.float32)
    model = IsolationForest(n_estimators=100, max_samples=256, random_state=1).fit(values)
    with joblib.parallel_config("threading", n_jobs=int(jobs)):
        scores = -model.score_samples(values)
    frame["anomaly_score"] = scores.round(6)
    frame["verdict"] = np.where(scores >= np.quantile(scores, 0.99), "anomaly", "normal")
    frame.to_csv(out, index=False)


def series(table: str) -> None:
    from sklearn.ensemble import IsolationForest

    frame = pd.read_csv(table, parse_dates=["timestamp"])
    change = frame["value"].diff().fillna(0.0)
    values = np.column_stack([frame["value"], change])
    frame["anomaly_score"] = -IsolationForest(random_state=1).fit(values).score_samples(values)
    print(frame.nlargest(10, "anomaly_score"))


if __name__ == "__main__":
    {"make": make, "detect": detect, "series": series}[sys.argv[1]](*sys.argv[2:])
