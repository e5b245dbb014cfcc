"""Writes samples.csv and reference.csv: scipy 1.17 on small samples of many shapes.

    python3 make.py

samples.csv: case, group (0 or 1), value. reference.csv: case, statistic, value.
"""

import csv
import pathlib

import numpy as np
from scipy import stats

rng = np.random.default_rng(7)
here = pathlib.Path(__file__).parent

cases = {
    "shift": (rng.normal(0, 1, 80), rng.normal(0.5, 1, 60)),
    "spread": (rng.normal(0, 1, 90), rng.normal(0, 4, 90)),
    "long_tail": (rng.lognormal(3, 2, 120), rng.lognormal(4, 2, 40)),
    "ties": (rng.integers(0, 4, 150).astype(float), rng.integers(1, 5, 50).astype(float)),
    "mostly_zero": (np.where(rng.random(200) < 0.9, 0, rng.random(200)), np.where(rng.random(100) < 0.7, 0, rng.random(100))),
    "apart": (rng.normal(0, 1, 70), rng.normal(30, 1, 30)),
    "few": (np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0, 3.0, 9.0])),
    "same": (np.arange(40.0), np.arange(40.0)),
}
cases = {name: (np.round(a, 6), np.round(b, 6)) for name, (a, b) in cases.items()}

tables = {
    "two_by_two": [[90, 60], [10, 40]],
    "levels": [[500, 20], [100, 300], [7, 9], [60, 61]],
    "rare": [[3, 0], [1, 2], [0, 4], [2, 2]],
}

with open(here / "samples.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["case", "group", "value"])
    for name, groups in cases.items():
        for group, values in enumerate(groups):
            out.writerows([name, group, repr(float(value))] for value in values)

with open(here / "reference.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["case", "statistic", "value"])

    def row(case, statistic, value):
        out.writerow([case, statistic, repr(float(value))])

    p_values = []
    for name, (a, b) in cases.items():
        u = stats.mannwhitneyu(b, a, method="asymptotic")
        row(name, "u", u.statistic)
        row(name, "u_p", u.pvalue)
        p_values.append(u.pvalue)
        ks = stats.ks_2samp(b, a, method="asymp")
        row(name, "d", ks.statistic)
        row(name, "d_at", ks.statistic_location)
        row(name, "d_p", ks.pvalue)
        t = stats.ttest_ind(b, a, equal_var=False)
        row(name, "t", t.statistic)
        row(name, "t_df", t.df)
        row(name, "t_p", t.pvalue)
        pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2)
        row(name, "cohens_d", (b.mean() - a.mean()) / pooled**0.5)
    for name, table in tables.items():
        for group_row in table:
            out.writerow([name, "row", " ".join(map(str, group_row))])
        chi = stats.chi2_contingency(table, correction=False)
        row(name, "chi_square", chi.statistic)
        row(name, "chi_df", chi.dof)
        row(name, "chi_p", chi.pvalue)
        row(name, "smallest_expected", chi.expected_freq.min())
        row(name, "small_share", (chi.expected_freq < 5).mean())
        row(name, "cramers_v", stats.contingency.association(np.array(table), method="cramer"))
    for name, p, corrected in zip(cases, p_values, stats.false_discovery_control(p_values, method="bh")):
        row(name, "u_p_bh", corrected)
