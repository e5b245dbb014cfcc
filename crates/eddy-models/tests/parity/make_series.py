"""Makes `series.json`: Holt-Winters forecasts of statsmodels 0.15 and collusive displacements of rrcf 0.4.4.

pip install statsmodels==0.15.0 rrcf==0.4.4 numpy, then: python make_series.py > series.json
"""

import json

import numpy as np
import rrcf
from statsmodels.tsa.holtwinters import ExponentialSmoothing

rng = np.random.default_rng(1)


def holt_winters() -> dict:
    """Fitted values with every parameter given, so that only the recursion is compared."""
    n, period = 60, 6
    season = np.array([3.0, 1.0, -2.0, -4.0, 0.5, 1.5])
    values = np.round(20 + 0.3 * np.arange(n) + season[np.arange(n) % period] + rng.normal(0, 1, n), 3)
    given = {"level_smoothing": 0.4, "trend_smoothing": 0.25, "season_smoothing": 0.125, "damping": 0.9}
    model = ExponentialSmoothing(
        values, trend="add", damped_trend=True, seasonal="add", seasonal_periods=period,
        initialization_method="known", initial_level=20.0, initial_trend=0.25, initial_seasonal=season,
    )
    # Its weights of trend and season are those of the error-correction form times that of the level.
    fit = model.fit(
        smoothing_level=0.4, smoothing_trend=0.25, smoothing_seasonal=0.125, damping_trend=0.9, optimized=False,
    )
    return given | {
        "initial_level": 20.0, "initial_trend": 0.25, "initial_season": season.tolist(),
        "values": values.tolist(), "fitted": fit.fittedvalues.tolist(),
    }


def random_cut_forest() -> dict:
    """Mean collusive displacement over 2,000 trees of 64 points, of which two are far out."""
    points = np.round(rng.normal(0, 1, (64, 3)), 3)
    points[10] = [8, 0, 0]
    points[40] = points[41] = [-6, 6, 1]
    total = np.zeros(len(points))
    n_trees = 2000
    for seed in range(n_trees):
        tree = rrcf.RCTree(points, random_state=seed)
        total += [tree.codisp(idx) for idx in range(len(points))]
    return {"n_trees": n_trees, "points": points.tolist(), "codisp": np.round(total / n_trees, 4).tolist()}


print(json.dumps({"holt_winters": holt_winters(), "random_cut_forest": random_cut_forest()}))
