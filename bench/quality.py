"""ROC AUC on labelled public data, Eddy beside scikit-learn and PyOD, over ten seeds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from measure import DATA, EDDY, Side, save, shared_data, target

SEEDS = range(10)
FOREST = {"n_estimators": 100, "max_samples": 256}
TABLES = {"NSL-KDD training file": "nsl-kdd/KDDTrain+.txt", "UNSW-NB15 part": "unsw-nb15/UNSW_NB15_dev.csv"}
#: The peers of the detectors without randomness, and of LODA.
PYOD = ("ecod", "copod", "hbos", "loda")


def row(table: str, fit_on: str, features: str, who: str, aucs: list[float]) -> dict:
    print(f"  {table}, fit on {fit_on}, {features}: {who} {statistics.mean(aucs):.4f}", file=sys.stderr)
    return {
        "table": table,
        "fit_on": fit_on,
        "features": features,
        "who": who,
        "auc_mean": round(statistics.mean(aucs), 4),
        "auc_sd": round(statistics.stdev(aucs), 4) if len(aucs) > 1 else 0.0,
        "runs": len(aucs),
    }


def own_eddy(path: Path, fit_on: str) -> list[float]:
    """The program itself on the file itself."""
    aucs = []
    for seed in SEEDS:
        options = ["--detector", "isolation_forest", "--fit-on", fit_on, "--seed", str(seed), "--json", "--quiet"]
        out = subprocess.run([EDDY, "detect", path, *options], check=True, capture_output=True).stdout
        aucs.append(json.loads(out)["evaluation"]["measured"]["roc_auc"])
    return aucs


def own_sklearn(path: Path) -> np.ndarray:
    """What is usual with scikit-learn: numbers as they are, texts as whole numbers in alphabetical order."""
    import pandas as pd
    from sklearn.preprocessing import OrdinalEncoder

    if path.suffix == ".txt":
        frame = pd.read_csv(path, header=None).iloc[:, :41]
    else:
        frame = pd.read_csv(path).drop(columns=["id", "attack_cat", "label"])
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = OrdinalEncoder().fit_transform(frame[texts].astype(str))
    return frame.to_numpy(dtype=np.float32)


def sklearn_aucs(fit_rows: np.ndarray, rows: np.ndarray, attacks: np.ndarray, params: dict = FOREST) -> list[float]:
    models = (IsolationForest(**params, random_state=seed).fit(fit_rows) for seed in SEEDS)
    return [roc_auc_score(attacks, -model.score_samples(rows)) for model in models]


def pyod_auc(name: str, seed: int, fit_rows: np.ndarray, rows: np.ndarray, attacks: np.ndarray) -> float:
    from pyod.models.copod import COPOD
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.loda import LODA

    np.random.seed(seed)
    model = {"ecod": ECOD, "copod": COPOD, "hbos": HBOS, "loda": LODA}[name]()
    scores = model.fit(fit_rows).decision_function(rows)
    return roc_auc_score(attacks, np.nan_to_num(scores))


def main() -> None:
    DATA.mkdir(exist_ok=True)
    side = Side(2)
    rows, targets, skipped = [], [], []
    for table, file in TABLES.items():
        path = shared_data() / file
        if not path.exists():
            skipped.append(f"{file}: not found; put the data under ../shared/data or name its folder with EDDY_DATA")
            print("  skipped: " + skipped[-1])
            continue
        for fit_on in ("normal", "all"):
            matrix, truth, scores = DATA / "quality.f32", DATA / "quality.u8", DATA / "quality.f64"
            encoded = side.ask("encode", path=path, fit_on=fit_on, to=matrix, attacks_to=truth)
            attacks = np.fromfile(truth, np.uint8)
            same = np.fromfile(matrix, np.float32).reshape(len(attacks), len(encoded["columns"]))
            fitted = attacks == 0 if fit_on == "normal" else np.full(len(attacks), True)
            same[fitted].tofile(DATA / "quality_fit.f32")
            side.ask("load", name="all", path=matrix, n_cols=same.shape[1])
            side.ask("load", name="fit", path=DATA / "quality_fit.f32", n_cols=same.shape[1])

            def eddy_auc(detector: str, seed: int, **params: object) -> float:
                side.ask("fit", rows="fit", detector=detector, params=params, seed=seed)
                side.ask("score", rows="all", to=scores)
                return roc_auc_score(attacks, np.fromfile(scores, np.float64))

            labels = f"the same {same.shape[1]} encoded columns"
            eddy_same = [eddy_auc("isolation_forest", seed, **FOREST) for seed in SEEDS]
            sklearn_same = sklearn_aucs(same[fitted], same, attacks)
            eddy_own = own_eddy(path, fit_on)
            large = FOREST | {"max_samples": 1024}
            usual = own_sklearn(path)
            sklearn_own = sklearn_aucs(usual[fitted], usual, attacks)
            rows += [
                row(table, fit_on, "each its own", "Eddy isolation forest", eddy_own),
                row(table, fit_on, "each its own", "scikit-learn isolation forest", sklearn_own),
                row(table, fit_on, labels, "Eddy isolation forest", eddy_same),
                row(table, fit_on, labels, "scikit-learn isolation forest", sklearn_same),
            ]
            eddy_large = [eddy_auc("isolation_forest", seed, **large) for seed in SEEDS]
            extended = [eddy_auc("extended_isolation_forest", seed, **FOREST) for seed in SEEDS]
            rows += [
                row(table, fit_on, labels, "Eddy isolation forest, max_samples 1024", eddy_large),
                row(
                    table,
                    fit_on,
                    labels,
                    "scikit-learn isolation forest, max_samples 1024",
                    sklearn_aucs(same[fitted], same, attacks, large),
                ),
                row(table, fit_on, labels, "Eddy extended isolation forest", extended),
            ]
            for name in PYOD:
                seeds = SEEDS if name == "loda" else range(1)
                ours = [eddy_auc(name, seed) for seed in seeds]
                rows.append(row(table, fit_on, labels, f"Eddy {name.upper()}", ours))
                peer = [pyod_auc(name, seed, same[fitted], same, attacks) for seed in seeds]
                rows.append(row(table, fit_on, labels, f"PyOD {name.upper()}", peer))
            if fit_on == "normal":
                least = {"NSL-KDD training file": 0.98, "UNSW-NB15 part": 0.79}[table]
                mean = statistics.mean(eddy_own)
                targets.append(target(f"{table}, normal rows only, mean AUC", f">= {least}", mean, mean >= least))
                if mean < least:
                    mean = statistics.mean(eddy_large)
                    name = f"{table}, normal rows only, max_samples 1024, mean AUC"
                    targets.append(target(name, f">= {least}", mean, mean >= least))
            elif table.startswith("NSL"):
                mean, theirs = statistics.mean(eddy_same), statistics.mean(sklearn_same)
                name = f"{table}, all rows, mean AUC against scikit-learn's"
                targets.append(target(name, f">= {theirs:.4f}", mean, mean >= theirs))
    side.close()
    save(
        "quality",
        f"ROC AUC, mean and standard deviation over {len(SEEDS)} seeds. Every model scores all rows. `each its own`: "
        "Eddy as a program with its default steps; scikit-learn on the numbers as they are and texts as ordinals.",
        rows,
        targets,
        "scikit-learn",
        "pyod",
        "pandas",
        "numpy",
        skipped=tuple(skipped),
    )


if __name__ == "__main__":
    main()
