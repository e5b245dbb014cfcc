"""Runs benches and rewrites the table in README.md. Standard library only; see README.md."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

BENCH = Path(__file__).resolve().parent
NAMES = ("forest", "end_to_end", "quality", "detectors", "supervised", "clusters", "deep", "series", "startup", "flows", "serve",
         "limits", "conformance")
# Benches whose peers have nothing to do with those of `requirements.txt`.
ALONE = {"flows", "readme"}
MARK = "<!-- results: written by `cargo xtask bench` -->"


def missing_peers(names: list[str]) -> list[str]:
    """What is not installed, and what has another version than the results were made with."""
    faults = []
    wanted = [] if set(names) <= ALONE else (BENCH / "requirements.txt").read_text().split()
    if "deep" in names:
        wanted += (BENCH / "requirements-deep.txt").read_text().split()
    if "flows" in names:
        wanted += (BENCH / "requirements-flows.txt").read_text().split()
    if {"serve", "conformance"} & set(names):
        wanted += (BENCH / "requirements-serve.txt").read_text().split()
    for line in wanted:
        name, _, wanted = line.partition("==")
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            faults.append(f"{name} {wanted} is not installed")
            continue
        if found != wanted:
            print(f"note: {name} is {found}, requirements.txt says {wanted}", file=sys.stderr)
    return faults


def cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return f"{value:g}" if isinstance(value, float) else str(value)


def table(rows: list[dict]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(row.get(key, "")) for key in columns) + " |" for row in rows]
    return "\n".join(lines)


def write_readme() -> None:
    """Puts all results there are below the mark."""
    parts = []
    for name in NAMES:
        path = BENCH / "results" / f"{name}.json"
        if not path.exists():
            continue
        result = json.loads(path.read_text())
        versions = ", ".join(f"{peer} {version}" for peer, version in result["versions"].items())
        parts.append(f"### {name}\n\n{result['about']}\n\n{result['hardware']}; {versions}.")
        if result["targets"]:
            parts.append(table(result["targets"]))
        parts.append(table(result["rows"]))
        parts += [f"Skipped: {reason}." for reason in result["skipped"]]
    readme = BENCH / "README.md"
    head, found, _ = readme.read_text().partition(MARK)
    if not found:
        sys.exit(f"README.md has lost its mark: {MARK}")
    readme.write_text(head + MARK + "\n\n" + "\n\n".join(parts) + "\n")


def main() -> None:
    names = sys.argv[1:] or list(NAMES)
    unknown = [name for name in names if name not in NAMES and name != "readme"]
    if unknown:
        known = ", ".join(NAMES)
        sys.exit(f"there is no bench {', '.join(unknown)}; there are {known}, and readme for the tables alone")
    if faults := missing_peers(names):
        sys.exit(
            "the peers are not all there:\n  " + "\n  ".join(faults) + "\nInstall them with\n"
            "  python3 -m venv bench/.venv && bench/.venv/bin/pip install -r bench/requirements.txt"
            " -r bench/requirements-deep.txt -r bench/requirements-flows.txt -r bench/requirements-serve.txt"
        )
    for name in names:
        if name != "readme":
            print(f"== {name}", flush=True)
            # A process of its own: its memory and threads are no other bench's.
            subprocess.run([sys.executable, BENCH / f"{name}.py"], check=True)
    write_readme()
    print("results: bench/results/*.json and the tables in bench/README.md")


if __name__ == "__main__":
    main()
