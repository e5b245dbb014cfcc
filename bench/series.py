"""Detectors of series: points a second on one core, state, and what they find on generated series, beside River and rrcf."""

from __future__ import annotations

import pickle
import statistics
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable

import numpy as np
import rrcf
from river import anomaly, compose, preprocessing, time_series

from measure import DATA, RELEASE, Side, digits, save, target

SIDE = RELEASE / "examples" / "series_side"
# Detectors by name, each with its parameters.
EDDY = {
    "series_ensemble": ("series_ensemble", {}),
    "series_ensemble, light": ("series_ensemble", {"size": "light"}),
} | {
    name: (name, {})
    for name in (
        "rolling_z", "ewma", "cusum", "change_point", "seasonal_quantiles", "holt_winters", "stl_residual",
        "spectral_residual", "activity", "series_forest", "random_cut_forest",
    )
}
INTERVAL_S = 300
DAYS, TRAIN_DAYS = 28, 10
ROWS_A_DAY = 86_400 // INTERVAL_S
N_SERIES = 12
# What is planted in each series: scenario, hours from the start, hours it lasts, strength.
PLANTED = (
    [("ddos-spike", 290, 0.5, 0.6), ("outage", 370, 1, 1), ("level-shift", 470, 8, 0.8), ("ddos-spike", 580, 0.5, 0.35)],
    [("exfiltration", 315, 1.5, 0.8), ("outage", 395, 1, 0.7), ("ddos-spike", 500, 0.3, 0.5), ("level-shift", 600, 8, 0.6)],
    [("outage", 300, 0.5, 0.8), ("exfiltration", 411, 1.5, 0.6), ("level-shift", 505, 8, 1), ("outage", 610, 2, 0.5)],
)
# Series that the slowest peer is run on.
N_SLOW = 2
# Times that Eddy scores a series, to be measured.
REPEAT = 10
# False episodes that are allowed: one in so many days. An episode is what lies within two hours.
DAYS_A_FALSE_ALARM = 7
APART = 2 * 3600 // INTERVAL_S


def events(idx: int) -> list[tuple[int, int]]:
    """The rows that show each event of a series."""
    rows = lambda hours: int(hours * 3600 / INTERVAL_S)
    return [(rows(at), rows(at + lasts)) for _, at, lasts, _ in PLANTED[idx % len(PLANTED)]]


def found(scores: np.ndarray, idx: int) -> list[int | None]:
    """Rows until each event is found (none where it is not), with the limit at which one false episode a week is left."""
    first = TRAIN_DAYS * ROWS_A_DAY
    quiet = np.ones(len(scores), bool)
    quiet[:first] = False
    for start, end in events(idx):
        # The end of an event is as sudden as its beginning, and no false alarm.
        quiet[start : end + APART] = False
    order = np.argsort(-np.where(quiet, scores, -np.inf), kind="stable")
    allowed = (len(scores) - first) / ROWS_A_DAY / DAYS_A_FALSE_ALARM
    episodes: list[int] = []
    limit = -np.inf
    for row in order:
        if not quiet[row]:
            break
        if all(abs(row - other) > APART for other in episodes):
            if len(episodes) + 1 > allowed:
                limit = scores[row]
                break
            episodes.append(int(row))
    delays: list[int | None] = []
    for start, end in events(idx):
        above = np.flatnonzero(scores[start:end] > limit)
        delays.append(int(above[0]) if len(above) else None)
    return delays


def river_univariate(make: Callable[[], object]) -> Callable[[np.ndarray], tuple[np.ndarray, object]]:
    """A River detector of rows, scored before it learns, over the value and the one before."""

    def run(values: np.ndarray) -> tuple[np.ndarray, object]:
        model = make()
        scores = np.zeros(len(values))
        before = float(values[0])
        for idx, value in enumerate(values.tolist()):
            row = {"value": value, "change": value - before}
            scores[idx] = model.score_one(row)
            model.learn_one(row)
            before = value
        return scores, model

    return run


def river_supervised(make: Callable[[], object]) -> Callable[[np.ndarray], tuple[np.ndarray, object]]:
    """A River detector of a target, scored before it learns."""

    def run(values: np.ndarray) -> tuple[np.ndarray, object]:
        model = make()
        scores = np.zeros(len(values))
        for idx, value in enumerate(values.tolist()):
            scores[idx] = model.score_one({}, value)
            model.learn_one({}, value)
        return scores, model

    return run


def run_holt_winters(values: np.ndarray) -> tuple[np.ndarray, object]:
    """It can score nothing before it has seen one season."""
    forecaster = time_series.HoltWinters(alpha=0.3, beta=0.02, gamma=0.1, seasonality=ROWS_A_DAY)
    model = anomaly.PredictiveAnomalyDetection(forecaster, horizon=1, n_std=3.0)
    scores = np.zeros(len(values))
    for idx, value in enumerate(values.tolist()):
        if idx > ROWS_A_DAY:
            scores[idx] = model.score_one(None, value)
        model.learn_one(None, value)
    return scores, model


def run_rrcf(values: np.ndarray) -> tuple[np.ndarray, object]:
    """Streaming, as in its documentation: 24 trees over the last 256 shingles of 4 rows."""
    forest = [rrcf.RCTree(random_state=seed) for seed in range(24)]
    scores = np.zeros(len(values))
    shingle: deque[float] = deque([float(values[0])] * 4, maxlen=4)
    for idx, value in enumerate(values.tolist()):
        shingle.append(value)
        point = np.array(shingle)
        for tree in forest:
            if idx >= 256:
                tree.forget_point(idx - 256)
            tree.insert_point(point, index=idx)
            scores[idx] += tree.codisp(idx) / len(forest)
    return scores, forest


PEERS = {
    "River GaussianScorer": river_supervised(lambda: anomaly.GaussianScorer(window_size=ROWS_A_DAY)),
    "River StandardAbsoluteDeviation": river_supervised(anomaly.StandardAbsoluteDeviation),
    "River PredictiveAnomalyDetection, Holt-Winters": run_holt_winters,
    "River HalfSpaceTrees": river_univariate(
        lambda: compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1))
    ),
    "River LocalOutlierFactor": river_univariate(lambda: anomaly.LocalOutlierFactor(n_neighbors=20)),
    "rrcf, 24 trees x 256": run_rrcf,
}
SLOW = {"rrcf, 24 trees x 256", "River LocalOutlierFactor"}


def state_bytes(model: object) -> int | None:
    try:
        return len(pickle.dumps(model, protocol=5))
    except Exception:  # Some of them hold what cannot be written.
        return None


def row(who: str, rates: list[float], state: int | None, delays: list[int | None]) -> dict:
    hits = [delay for delay in delays if delay is not None]
    return {
        "who": who,
        "points_per_s": digits(statistics.median(rates)),
        "state_bytes": state if state is not None else "",
        "events_found": f"{len(hits)} of {len(delays)}",
        "share_found": round(len(hits) / len(delays), 3),
        "delay_rows": digits(statistics.median(hits)) if hits else "",
    }


def main() -> None:
    warnings.filterwarnings("ignore")
    DATA.mkdir(exist_ok=True)
    side = Side(1, (SIDE,))
    paths = []
    for idx in range(N_SERIES):
        values, times = DATA / f"series{idx}.f32", DATA / f"series{idx}.i64"
        plant = PLANTED[idx % len(PLANTED)]
        side.ask("simulate", seed=100 + idx, days=DAYS, interval_s=INTERVAL_S, plant=plant, values=values, times=times)
        paths.append((values, times))
    rows = []
    train = TRAIN_DAYS * ROWS_A_DAY
    speeds: dict[str, float] = {}
    states: dict[str, int] = {}
    for name, (detector, params) in EDDY.items():
        rates, delays, state = [], [], 0
        for idx, (values, times) in enumerate(paths):
            out = DATA / "scores.f64"
            ask = {"values": values, "times": times, "train": train, "detector": detector, "params": params, "to": out}
            # CPU seconds of scoring alone: those of scoring often, less those of scoring once.
            cpu = [side.cpu()]
            for repeat in (1, 1 + REPEAT):
                state = side.ask("score", repeat=repeat, **ask)["state_bytes"]
                cpu.append(side.cpu())
            seconds = (cpu[2] - 2 * cpu[1] + cpu[0]) / REPEAT
            rates.append(DAYS * ROWS_A_DAY / max(seconds, 1e-9))
            delays += found(np.fromfile(out), idx)
        speeds[name], states[name] = statistics.median(rates), state
        rows.append(row(f"Eddy {name}", rates, state, delays))
        print(f"  {rows[-1]}", file=sys.stderr)
    for name, run in PEERS.items():
        rates, delays, model = [], [], None
        for idx, (values, _) in enumerate(paths[: N_SLOW if name in SLOW else N_SERIES]):
            series = np.fromfile(values, np.float32)
            start = time.process_time()
            scores, model = run(series)
            rates.append(len(series) / (time.process_time() - start))
            delays += found(np.nan_to_num(scores), idx)
        speeds[name] = statistics.median(rates)
        rows.append(row(name, rates, state_bytes(model), delays))
        print(f"  {rows[-1]}", file=sys.stderr)
    side.close()
    ours, theirs = speeds["random_cut_forest"], speeds["rrcf, 24 trees x 256"]
    hw = speeds["holt_winters"] / speeds["River PredictiveAnomalyDetection, Holt-Winters"]
    save(
        "series",
        f"{N_SERIES} generated series of {DAYS} days, a row every {INTERVAL_S // 60} minutes, four events planted in each "
        f"after the {TRAIN_DAYS} days learned from; default parameters, one thread; points a second of CPU time. Found: with the limit at which one false "
        f"episode in {DAYS_A_FALSE_ALARM} days is left, chosen for each series and detector alike. State: bytes of memory of "
        f"one series; of the Python programs, of their pickle. rrcf and LocalOutlierFactor on {N_SLOW} series. Peers score "
        "each row before they learn it; rrcf after, as its documentation does.",
        rows,
        [
            target("series_ensemble, points/s of CPU", ">= 100000", digits(speeds["series_ensemble"]), speeds["series_ensemble"] >= 1e5),
            target("series_ensemble, bytes of state", "<= 65536", states["series_ensemble"], states["series_ensemble"] <= 65536),
            target("series_ensemble, light, points/s of CPU", ">= 100000", digits(speeds["series_ensemble, light"]), speeds["series_ensemble, light"] >= 1e5),
            target("series_ensemble, light, bytes of state", "<= 4096", states["series_ensemble, light"], states["series_ensemble, light"] <= 4096),
            target("random_cut_forest, times faster than rrcf", ">= 50", round(ours / theirs, 1), ours >= 50 * theirs),
            target("holt_winters, times faster than River's", ">= 10", round(hw, 1), hw >= 10),
        ],
        "river",
        "rrcf",
        "numpy",
    )


if __name__ == "__main__":
    main()
