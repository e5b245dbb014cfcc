"""Reference values of volumes under surfaces and of affiliation.

Needs: pip install vus==0.0.6 numpy pandas scikit-learn tqdm (vus brings the affiliation metrics along).
Writes reference.json beside this file.
"""

import json
import pathlib

import numpy as np
from vus.affiliation.generics import convert_vector_to_events
from vus.affiliation.metrics import pr_from_events
from vus.utils.metrics import metricor

rng = np.random.default_rng(7)


def case(n, windows, kind):
    label = np.zeros(n, dtype=int)
    for first, last in windows:
        label[first : last + 1] = 1
    noise = rng.random(n)
    if kind == "good":
        score = noise + 0.8 * label
    elif kind == "late":
        score = noise + 0.8 * np.roll(label, 9)
    elif kind == "ties":
        score = np.round(noise + 0.5 * label, 1)
    else:
        score = noise
    return label, np.round(score, 4)


cases = []
for n, windows, kind in [
    (300, [(120, 139), (200, 214)], "good"),
    (300, [(40, 49), (53, 60), (250, 299)], "late"),
    (260, [(0, 9), (100, 100), (130, 150)], "ties"),
    (400, [(70, 90), (300, 309)], "random"),
]:
    label, score = case(n, windows, kind)
    volumes = []
    for most in (0, 1, 6, 25, 60):
        *_, roc, pr = metricor().RangeAUC_volume_opt(label, score, most, 250)
        volumes.append([most, float(pr), float(roc)])
    flags = (score >= np.quantile(score, 0.93)).astype(int)
    near = pr_from_events(convert_vector_to_events(flags), convert_vector_to_events(label), (0, n))
    cases.append(
        {
            "windows": windows,
            "scores": score.tolist(),
            "volumes": volumes,
            "flagged": np.flatnonzero(flags).tolist(),
            "affiliation": [float(near["Affiliation_Precision"]), float(near["Affiliation_Recall"])],
        }
    )

pathlib.Path(__file__).with_name("reference.json").write_text(json.dumps(cases) + "\n")
