"""Makes the fixtures of `crates/eddy-series/tests/parity.rs` with statsmodels."""
import sys, numpy as np, warnings, os
warnings.simplefilter("ignore")
from statsmodels.tsa.seasonal import STL, MSTL
from statsmodels.tsa.stattools import acf, pacf, adfuller, kpss
import statsmodels
out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)
def write(name, cols):
    names = list(cols)
    with open(f"{out}/{name}.csv", "w") as f:
        f.write(",".join(names) + "\n")
        for row in zip(*cols.values()):
            f.write(",".join(f"{v:.12g}" for v in row) + "\n")
t = np.arange(210)
y = np.round(100 + .05*t + 8*np.sin(2*np.pi*t/14) + 3*np.cos(2*np.pi*t/7) + rng.normal(0, 1, t.size), 6)
y[[33, 120, 121]] += [40, -35, 25]
cols = {"value": y}
for name, kw in {"plain": {}, "robust": {"robust": True}, "spans": {"seasonal": 13, "trend": 29, "low_pass": 15}}.items():
    fit = STL(y, period=14, **kw).fit()
    cols[f"{name}_trend"] = fit.trend; cols[f"{name}_seasonal"] = fit.seasonal; cols[f"{name}_weights"] = fit.weights
write("stl", cols)
t = np.arange(24*7*3)
y = np.round(50 + 10*np.sin(2*np.pi*t/24) + np.where(t//24 % 7 < 5, 3, -7.5) + rng.normal(0, 1, t.size), 6)
fit = MSTL(y, periods=(24, 168)).fit()
write("mstl", {"value": y, "trend": fit.trend, "seasonal_24": fit.seasonal[:, 0], "seasonal_168": fit.seasonal[:, 1], "remainder": fit.resid})
n = 300
e = rng.normal(0, 1, n)
ar = np.zeros(n)
for i in range(2, n): ar[i] = .6*ar[i-1] - .3*ar[i-2] + e[i]
walk = np.cumsum(e); near = np.zeros(n)
for i in range(1, n): near[i] = .95*near[i-1] + e[i]
series = {"ar": np.round(ar, 6), "walk": np.round(walk + 1e4, 6), "near": np.round(near, 6), "trend": np.round(.02*np.arange(n) + ar, 6), "season": np.round(np.sin(np.arange(n)/12*2*np.pi)*3 + e, 6)}
write("tests_series", series)
lags = 40
table, results = {}, []
for name, v in series.items():
    r, ci = acf(v, nlags=lags, alpha=.05, fft=False)
    table[f"{name}_acf"] = r; table[f"{name}_band"] = ci[:, 1] - r; table[f"{name}_pacf"] = pacf(v, nlags=lags, method="ldb")
    a = adfuller(v); k = kpss(v, regression="c", nlags="auto")
    results.append((name, a[0], a[1], a[2], a[3], k[0], k[1], k[2]))
write("correlation", table)
with open(f"{out}/tests.csv", "w") as f:
    f.write("series,adf,adf_p,adf_lags,adf_rows,kpss,kpss_p,kpss_lags\n")
    for r in results: f.write(",".join(x if isinstance(x, str) else f"{x:.12g}" for x in r) + "\n")
print(statsmodels.__version__)
