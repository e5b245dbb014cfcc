"""`/predict` of `eddy serve` beside a Flask app with the same model from joblib, in one run on this machine.

    cargo build --release -p eddy && cargo build --release -p eddy-server --example load
    python3 bench/serve.py [--seconds 3] [--rounds 3] [--connections 8]

Both serve an isolation forest of 100 trees over the one column of a metric series that is made here. The same program
(`crates/eddy-server/examples/load.rs`) asks both. Needs what requirements-serve.txt names.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from measure import EDDY, RELEASE, digits, save, target  # noqa: E402

LOAD = RELEASE / "examples" / "load"

FLASK = """
import sys, joblib, numpy as np
from flask import Flask, request, jsonify
app = Flask(__name__)
scaler, model = joblib.load(sys.argv[1])

@app.route('/predict', methods=['POST'])
def predict():
    data = request.get_json()
    if isinstance(data, list):
        x = np.array([[r['network_in']] for r in data], dtype=float)
        p = model.predict(scaler.transform(x))
        return jsonify([{'network_in': r['network_in'], 'prediction': int(v)} for r, v in zip(data, p)])
    if 'network_in' not in data:
        return jsonify({'error': "Missing 'network_in' in request JSON"}), 400
    x = scaler.transform(np.array([[float(data['network_in'])]]))
    p = int(model.predict(x)[0])
    r = 'Normal' if p == 1 else 'Anomaly'
    return jsonify({'network_in': data['network_in'], 'prediction': p, 'result': r,
                    'description': f'The network traffic is classified as {r}.'})

import logging
logging.getLogger('werkzeug').setLevel(logging.ERROR)
app.run(host='127.0.0.1', port=int(sys.argv[2]), threaded=True)
"""


def series(n: int = 4032) -> list[float]:
    draw = random.Random(42)
    return [200_000 + 50_000 * draw.random() + (5e6 if draw.random() < 0.01 else 0) for _ in range(n)]


def ask(method: str, url: str, body: bytes | None = None, headers: dict | None = None) -> tuple[dict, object]:
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read() or b"null"), answer.headers


class Server:
    """`eddy serve` in a folder of its own, with an admin and a token."""

    def __init__(self, folder: Path, environment: dict | None = None) -> None:
        self.process = subprocess.Popen(
            [EDDY, "serve", "--listen", "127.0.0.1:0", "--data", folder],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | (environment or {}),
        )
        self.url = self.process.stdout.readline().rsplit(" ", 1)[1].strip()
        secret = self.process.stdout.readline().rsplit("#setup=", 1)[1].strip()
        head = {"Content-Type": "application/json"}
        who = json.dumps({"secret": secret, "name": "bench", "password": "correct horse battery"}).encode()
        session, headers = ask("POST", f"{self.url}/api/v1/setup", who, head)
        head |= {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Eddy-Csrf": session["csrf"]}
        wanted = json.dumps({"name": "bench", "scope": "admin", "days": 1}).encode()
        token, _ = ask("POST", f"{self.url}/api/v1/tokens", wanted, head)
        self.head = {"Authorization": f"Bearer {token['secret']}"}

    def api(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        return ask(method, self.url + path, data, self.head | {"Content-Type": "application/json"})[0]

    def upload(self, name: str, body: bytes) -> dict:
        head = self.head | {"Content-Type": "application/octet-stream"}
        return ask("POST", f"{self.url}/api/v1/datasets?name={name}&wait=60", body, head)[0]

    def job(self, body: dict) -> dict:
        job = self.api("POST", "/api/v1/jobs", body)
        while job["state"] in ("queued", "running"):
            time.sleep(0.02)
            job = self.api("GET", f"/api/v1/jobs/{job['id']}")
        if job["state"] != "done":
            raise SystemExit(f"{job['kind']}: {job['reason']}")
        return job

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def eddy(folder: Path, values: list[float]) -> Server:
    server = Server(folder)
    minutes = (f"2024-01-{1 + at // 288:02d} {at % 288 // 12:02d}:{at % 12 * 5:02d}:00" for at in range(len(values)))
    text = "timestamp,value\n" + "".join(f"{when},{value}\n" for when, value in zip(minutes, values))
    dataset = server.upload("series.csv", text.encode())
    fit = {"detector": "isolation_forest", "params": {"n_estimators": 100}, "steps": ["scale"]}
    job = server.job({"kind": "train", "dataset": dataset["id"], "name": "bench", "fit": fit, "rule": "natural"})
    server.api("PUT", "/api/v1/aliases/predict", {"model": job["result"]["model"]})
    return server


def flask(folder: Path, values: list[float], port: int) -> subprocess.Popen:
    import joblib
    import numpy as np
    from sklearn.ensemble import IsolationForest
    from sklearn.preprocessing import StandardScaler

    x = np.array(values).reshape(-1, 1)
    scaler = StandardScaler().fit(x)
    model = IsolationForest(n_estimators=100, random_state=42).fit(scaler.transform(x))
    joblib.dump((scaler, model), folder / "model.joblib")
    (folder / "app.py").write_text(FLASK)
    process = subprocess.Popen([sys.executable, folder / "app.py", folder / "model.joblib", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            ask("POST", f"http://127.0.0.1:{port}/predict", b'{"network_in": 1}', {"Content-Type": "application/json"})
            return process
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("Flask did not start")


def load(address: str, body: str, connections: int, seconds: float) -> dict:
    out = subprocess.run([LOAD, address, "/predict", body, str(connections), str(seconds)],
                         check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    args = parser.parse_args()
    if not LOAD.exists():
        sys.exit(f"{LOAD} is not there: cargo build --release -p eddy-server --example load")
    values = series()
    one, runs = json.dumps({"network_in": values[7]}), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = folder / "many.json"
        server, peer = eddy(folder / "data", values), flask(folder, values, 57_007)
        sides = [("Eddy", server.url.split("//")[1]), ("Flask + joblib", "127.0.0.1:57007")]
        many.write_text(json.dumps([{"network_in": value} for value in (values * 3)[:10_000]]))
        asked = [("one record", one, args.connections), ("batch of 10,000", f"@{many}", 1)]
        # They take turns, so that both meet the same disturbances; the first round does not count.
        for at in range(args.rounds + 1):
            runs.append({(who, what): load(address, body, connections, args.seconds)
                         for what, body, connections in asked for who, address in sides})
            print(f"  round {at} of {args.rounds}", file=sys.stderr)
        peer.terminate()
        server.stop()
    failed = sum(run["failed"] for round_ in runs for run in round_.values())
    if failed or any(run["statuses"] != [200] for round_ in runs for run in round_.values()):
        sys.exit(f"not every request was answered: {failed} failed")
    middle = {key: {figure: statistics.median(round_[key][figure] for round_ in runs[1:])
                    for figure in ("per_second", "p50_ms", "p99_ms")} for key in runs[0]}
    ratio = {figure: statistics.median(round_["Flask + joblib", "one record"][figure] / round_["Eddy", "one record"][figure]
                                       for round_ in runs[1:]) for figure in ("per_second", "p99_ms")}
    rows = [{"who": who, "asked": what} | {name: digits(value) for name, value in figures.items()}
            for (who, what), figures in middle.items()]
    batch = middle["Eddy", "batch of 10,000"]["p50_ms"]
    save(
        "serve",
        f"`POST /predict` on loopback, an isolation forest of 100 trees on one column: single records over "
        f"{args.connections} connections, and a list of 10,000 records over one. Flask is its own server with threads, as "
        f"the programs in question start it. Medians of {args.rounds} rounds of {args.seconds:g} s each.",
        rows,
        [
            target("one record, times the requests a second of Flask", ">= 30", 1 / ratio["per_second"], 1 / ratio["per_second"] >= 30),
            target("one record, share of Flask's p99", "<= 0.1", 1 / ratio["p99_ms"], 1 / ratio["p99_ms"] <= 0.1),
            target("batch of 10,000 records, median ms", "< 50", batch, batch < 50),
        ],
        "flask", "scikit-learn", "joblib",
    )


if __name__ == "__main__":
    main()
