"""Learns the weights of the series ensemble and writes crates/eddy-models/src/streaming/weights.txt.

    cargo run --release -p eddy-models --example series_numbers -- OUT/full full NAB/data/*/*.csv
    cargo run --release -p eddy-models --example series_numbers -- OUT/full_range full_range NAB/data/*/*.csv
    cargo run --release -p eddy-models --example series_numbers -- OUT/light light NAB/data/*/*.csv
    python fit.py NAB OUT crates/eddy-models/src/streaming/weights.txt

The training list is the 58 files of the Numenta Anomaly Benchmark v1.1 (MIT) with the windows of
labels/combined_windows.json, and 36 series of noise and season that series_numbers makes, in which nothing happens.
Beside the weights learned from all there are eight sets, each learned without the files of one group: with these the
files of the group can be judged fairly. The files are dealt into groups in three ways, with the seeds 1 to 3, which shows
how far a score depends on the deal.

Windows, not points, are told from ordinary stretches: a window or a stretch is as strange as its strangest rows (a soft
maximum), and a logistic loss with a penalty on squared weights, none below 0, is made small over windows and stretches.

Needs numpy, scipy and numba. Files must be given to series_numbers in sorted order (LC_ALL=C).
"""

import json
import sys
from pathlib import Path

import numpy as np
from numba import njit
from scipy.optimize import minimize

N_GROUPS, N_MADE, MADE_WARM_UP = 8, 36, 600
PENALTY, SOFTNESS, STRETCH, KEPT = 3000.0, 0.3, 0.2, 5
# A window is known by this part of it: what shows at its end only comes too late. The stretches of one series weigh no more than
# this many together, so that a few long ones do not decide.
EARLY, MOST_OF_ONE = 0.75, 20.0
# Not for the light size, which has fewer numbers to tell by and would raise more false events on the first day.
LIGHT_EARLY, LIGHT_MOST_OF_ONE = 1.0, np.inf
# As in fusion.rs.
SMOOTHED, FALL, ROW_FROM, ROW_TIMES, ROW_MOST = 5.0, 1.0 / 60.0, -0.5, 3.0, 4.0
N_KNOTS = 17


class Series:
    """The numbers of one series, its warm-up and its windows."""

    def __init__(self, numbers, warm_up, windows):
        self.numbers, self.warm_up, self.windows = numbers, warm_up, windows
        self.is_odd = np.zeros(len(numbers), bool)
        for start, end in windows:
            self.is_odd[start : end + 1] = True


def numbers_of(path, n_names):
    numbers = np.fromfile(path, dtype="<f4").reshape(-1, n_names)
    assert np.isfinite(numbers).all(), path
    return numbers


def read(nab, out):
    names = (out / "names.txt").read_text().split()
    deals = [np.array(line.split(), int) for line in (out / "groups.txt").read_text().split("\n")]
    labels = json.loads((nab / "labels/combined_windows.json").read_text())
    series = []
    for name in sorted(labels):
        rows = (nab / "data" / name).read_text().split("\n")[1:]
        times = np.array([row[:19] for row in rows if row], dtype="datetime64[s]")
        warm_up = min(int(0.15 * len(times)), 750)
        windows = []
        for start, end in labels[name]:
            start, end = np.datetime64(start[:19]), np.datetime64(end[:19])
            inside = np.flatnonzero((times >= start) & (times <= end))
            if len(inside) and inside[0] >= warm_up:
                windows.append((inside[0], inside[-1]))
        numbers = numbers_of(out / f"{Path(name).stem}.f32", len(names))
        series.append(Series(numbers, warm_up, windows))
    for idx in range(N_MADE):
        series.append(Series(numbers_of(out / f"made{idx}.f32", len(names)), MADE_WARM_UP, []))
    # Made series are of no group.
    return names, [np.r_[groups, np.full(N_MADE, N_GROUPS)] for groups in deals], series


def directions(names):
    """Sums of kinds of numbers: rows that are large in one of them are looked at."""
    kinds = [lambda name: name.endswith("_ratio"), lambda name: name.endswith("_z")]
    for starts in (("profile",), ("resonance",), ("step", "residual"), ("clock", "shift", "deviation", "calm")):
        kinds.append(lambda name, starts=starts: name.startswith(starts))
    return np.array([[kind(name) for kind in kinds] for name in names], np.float32)


def bags(series, names, early=EARLY, most_of_one=MOST_OF_ONE):
    """Windows and stretches, each as the few rows that may be its strangest."""
    sample = np.vstack([one.numbers[one.warm_up :: 7] for one in series]).astype(float)
    mean, spread = sample.mean(0), sample.std(0) + 1e-6
    along = directions(names)
    rows, starts, odd, weights, owners = [], [0], [], [], []
    for owner, one in enumerate(series):
        scaled = ((one.numbers - mean) / spread).astype(np.float32)
        height = scaled @ along
        length = max(20, int(STRETCH * one.warm_up))
        todo = [(start, end + 1, 1.0, 1.0) for start, end in one.windows]
        for phase in (0.0, 0.5):
            for start in range(one.warm_up + int(phase * length), len(scaled), length):
                end = min(start + length, len(scaled))
                n_plain = (~one.is_odd[start:end]).sum()
                if n_plain > length // 3:
                    todo.append((start, end, 0.0, 0.5 * n_plain / length))
        plain_weight = sum(weight for *_, is_odd, weight in todo if not is_odd)
        for start, end, is_odd, weight in todo:
            if is_odd:
                end = start + max(1, int(early * (end - start)))
            else:
                weight *= min(1.0, most_of_one / plain_weight)
            part = height[start:end].copy()
            if not is_odd:
                part[one.is_odd[start:end]] = -1e9
            n_kept = min(KEPT if not is_odd else 3 * KEPT, len(part))
            kept = {row for column in part.T for row in np.argpartition(-column, n_kept - 1)[:n_kept]}
            kept = sorted(row for row in kept if part[row, 0] > -1e8)
            rows.extend(scaled[start + row] for row in kept)
            starts.append(len(rows))
            odd.append(is_odd)
            weights.append(weight)
            owners.append(owner)
    return dict(rows=np.array(rows, np.float32), starts=np.array(starts), odd=np.array(odd), weights=np.array(weights),
                owners=np.array(owners), mean=mean, spread=spread)


@njit(cache=True)
def loss_and_slope(rows, starts, odd, weights, is_used, b):
    n_names = rows.shape[1]
    slope, loss, sums = np.zeros(n_names + 1), 0.0, np.zeros(4096)
    for bag in range(len(odd)):
        if not is_used[bag] or starts[bag] == starts[bag + 1]:
            continue
        first, end, most = starts[bag], starts[bag + 1], -1e30
        for row in range(first, end):
            total = b[n_names]
            for idx in range(n_names):
                total += rows[row, idx] * b[idx]
            sums[row - first] = total
            most = max(most, total)
        whole = 0.0
        for row in range(first, end):
            whole += np.exp((sums[row - first] - most) / SOFTNESS)
        height = most + SOFTNESS * np.log(whole)
        share = 1.0 / (1.0 + np.exp(-min(max(height, -500.0), 500.0)))
        loss += weights[bag] * (np.log1p(np.exp(-abs(height))) + max(height, 0.0) - odd[bag] * height)
        error = weights[bag] * (share - odd[bag])
        for row in range(first, end):
            part = error * np.exp((sums[row - first] - most) / SOFTNESS) / whole
            for idx in range(n_names):
                slope[idx] += part * rows[row, idx]
        slope[n_names] += error
    return loss, slope


def learn(made_of, is_used, names):
    used_bags = is_used[made_of["owners"]]

    def penalised(b):
        loss, slope = loss_and_slope(made_of["rows"], made_of["starts"], made_of["odd"], made_of["weights"], used_bags, b)
        slope[:-1] += PENALTY * b[:-1]
        return loss + 0.5 * PENALTY * (b[:-1] ** 2).sum(), slope

    start = np.r_[[0.05 * name.endswith("_ratio") or 0.05 * name.startswith("resonance") for name in names], -3.0]
    bounds = [(0, None)] * len(names) + [(None, None)]
    found = minimize(penalised, start, jac=True, method="L-BFGS-B", bounds=bounds, options=dict(maxiter=60)).x
    return found[:-1] / made_of["spread"]


def knots(sums):
    shares = [np.quantile(sums, 1 - 10 ** (-idx / 4)) for idx in range(N_KNOTS)]
    for idx in range(1, N_KNOTS):
        shares[idx] = max(shares[idx], shares[idx - 1] + 1e-4)
    return shares


@njit(cache=True)
def dense_sums(sums, shares):
    out, smooth, highest = np.empty(len(sums)), sums[0], sums[0]
    for row in range(len(sums)):
        smooth += (sums[row] - smooth) / SMOOTHED
        highest = max(smooth, highest - FALL)
        out[row] = highest + min(max(ROW_TIMES * (shares[row] - ROW_FROM), 0.0), ROW_MOST)
    return out


def main():
    nab, out, target = map(Path, sys.argv[1:])
    lines = ["# Weights of the series ensemble: size, deal/group left out, what, numbers. Made by bench/series_ensemble/fit.py."]
    for kind in ("full", "full_range", "light"):
        names, deals, series = read(nab, out / kind)
        limits = (LIGHT_EARLY, LIGHT_MOST_OF_ONE) if kind == "light" else (EARLY, MOST_OF_ONE)
        made_of, share = bags(series, names, *limits), names.index("residual_ratio")
        plain = np.vstack([one.numbers[one.warm_up :][~one.is_odd[one.warm_up :]] for one in series])
        usual = plain[::5].mean(0)
        sets = {f"{deal}/{group}": groups != group for deal, groups in enumerate(deals, 1) for group in range(N_GROUPS)}
        lines.append(f"{kind} all usual " + " ".join("%.5g" % number for number in usual))
        for name, is_used in {**sets, "all": np.ones(len(series), bool)}.items():
            weights = learn(made_of, is_used, names)
            dense = [dense_sums(one.numbers @ weights, one.numbers[:, share]) for one in series]
            dense = np.concatenate([sums[one.warm_up :][~one.is_odd[one.warm_up :]] for sums, one in zip(dense, series)])
            parts = dict(weights=weights, knots=knots(plain @ weights), dense_knots=knots(dense))
            lines += [f"{kind} {name} {what} " + " ".join("%.5g" % number for number in part)
                      for what, part in parts.items()]
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
