"""The Python programs' side: takes the requests that Eddy's `bench_side` takes, on 2 threads where the program can.

`{"do": "fit", "peer": "sklearn.ensemble.RandomForestClassifier", "params": {..}, "rows": N, "labels": P}` fits;
`{"do": "score", "rows": N, "how": "predict_proba"}` calls that method of the last model.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")
tables: dict[str, np.ndarray] = {}
state: dict[str, object] = {}


def load(request: dict) -> dict:
    values = np.fromfile(request["path"], dtype=np.float32).reshape(-1, request["n_cols"])
    tables[request["name"]] = values
    return {"n_rows": len(values)}


def fit(request: dict) -> dict:
    module, _, name = request["peer"].rpartition(".")
    model = getattr(importlib.import_module(module), name)(**request.get("params", {}))
    rows = tables[request["rows"]]
    if request.get("as") == "float64":
        rows = rows.astype(np.float64)
    labels = np.fromfile(request["labels"], dtype=np.uint8) if "labels" in request else None
    start = time.perf_counter()
    if labels is None:
        model.fit(rows)
    else:
        model.fit(rows, labels)
    seconds = time.perf_counter() - start
    state["model"] = model
    return {"seconds": seconds}


def score(request: dict) -> dict:
    rows = tables[request["rows"]]
    method = getattr(state["model"], request.get("how", "predict_proba"))
    start = time.perf_counter()
    scores = method(rows)
    seconds = time.perf_counter() - start
    if "to" in request:
        scores = np.asarray(scores, dtype=np.float64)
        (1.0 - scores[:, 0] if scores.ndim == 2 else scores).tofile(request["to"])
    return {"seconds": seconds}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"load": load, "fit": fit, "score": score}[request["do"]](request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other side wants to know
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
