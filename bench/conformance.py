"""Thousands of requests that schemathesis makes up from the served OpenAPI, against a server of its own.

    cargo build --release -p eddy
    python3 -m venv VENV && VENV/bin/pip install schemathesis
    VENV/bin/python bench/conformance.py [--examples 150] [--seed 1]

There is a data set, a model with an alias, a run and an account of each role, so that requests lead somewhere. What has
to hold for each answer: no fault of the server (5xx), a status, a media type and a body that the description names.
`/api/v1/events` never ends and is left out, as is what would end the session of the token that is used.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from measure import save, target  # noqa: E402
from serve import Server, series  # noqa: E402

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance," \
         "response_schema_conformance,unsupported_method,use_after_free,ensure_resource_availability,ignored_auth"


def furnished(folder: Path) -> Server:
    """A server with something of everything."""
    # A full queue rightly says 503; here it is never full, so that any 5xx is a fault. Nor is anybody told to wait.
    limits = {"JOB_SECONDS": 20, "WAIT_SECONDS": 20, "QUEUE": 100_000, "COSTLY_AT_ONCE": 100_000, "COSTLY_PER_MINUTE": 100_000}
    server = Server(folder, {f"EDDY_LIMITS__{name}": str(most) for name, most in limits.items()})
    values = series(400)
    text = "timestamp,value,label\n" + "".join(
        f"2024-01-{1 + at // 288:02d} {at % 288 // 12:02d}:{at % 12 * 5:02d}:00,{value},{'attack' if value > 1e6 else 'normal'}\n"
        for at, value in enumerate(values))
    dataset = server.upload("series.csv", text.encode())["id"]
    fit = {"detector": "isolation_forest", "steps": ["scale"]}
    for _ in range(2):
        job = server.job({"kind": "train", "dataset": dataset, "name": "m", "fit": fit, "rule": "natural"})
        server.api("PUT", "/api/v1/aliases/predict", {"model": job["result"]["model"]})
    server.job({"kind": "detect", "dataset": dataset})
    server.job({"kind": "explore", "dataset": dataset})
    for role in ("viewer", "analyst"):
        who = {"name": role, "password": "correct horse battery", "role": role}
        server.api("POST", "/api/v1/users", who)
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=150, help="most requests of each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--checks", default=CHECKS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        server = furnished(Path(name) / "data")
        token = server.head["Authorization"]
        command = [
            Path(sys.executable).parent / "schemathesis", "run", f"{server.url}/api/v1/openapi.json",
            "--header", f"Authorization: {token}", "--checks", args.checks, "--phases", args.phases,
            "--workers", "2", "--max-examples", str(args.examples), "--seed", str(args.seed), "--continue-on-failure",
            "--exclude-path", "/api/v1/events", "--exclude-operation-id", "delete_users_id",
            "--exclude-operation-id", "delete_tokens_id", "--exclude-operation-id", "patch_users_id",
            "--request-timeout", "60", "--suppress-health-check", "all", "--warnings", "off",
        ]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=name, env=os.environ | {"NO_COLOR": "1"})
        print(ran.stdout[-20_000:], ran.stderr[-2_000:])
        alive = server.api("GET", "/readyz")
        server.stop()
    found = re.search(r"(\d+) generated", ran.stdout)
    requests = int(found.group(1)) if found else 0
    failures = sum(int(n) for n in re.findall(r"^  ❌ .*: (\d+)$", ran.stdout, re.MULTILINE))
    operations = re.search(r"Tested: (\d+)", ran.stdout)
    row = {"operations": int(operations.group(1)) if operations else 0, "requests": requests, "failures": failures,
           "ready_afterwards": alive["status"] == "ok", "seed": args.seed}
    save(
        "conformance",
        "Requests that schemathesis made up from the served OpenAPI, with the token of an admin, against the release "
        f"program. Phases: {args.phases}; checks: {args.checks.replace(',', ', ')}.",
        [row],
        [target("requests", ">= 10000", requests, requests >= 10_000),
         target("answers that break a rule", "0", failures, failures == 0 and ran.returncode == 0)],
        "schemathesis",
    )
    raise SystemExit(ran.returncode)


if __name__ == "__main__":
    main()
