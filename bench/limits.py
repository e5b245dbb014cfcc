"""What a server takes: live streams of which some stand still, and a gigabyte of rows.

    cargo build --release -p eddy
    python3 bench/limits.py [live] [upload] [--gigabytes 1]

`live`: 200 clients of the live stream, 20 of which never read, while data sets are renamed as fast as four clients can.
Who stands still is noticed once the buffers of the system are full. Where it may be done (as root) this runs in a network
of its own with small ones, so that a few hundred events are enough.
`upload`: a CSV of that size is sent, looked at and analysed; memory is that of the server and its workers together, from
/proc. Linux, standard library only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from measure import EDDY, save, target
from serve import Server

CLIENTS, STALLED = 200, 20


def memory(pid: int) -> int:
    """Bytes that a process and its children hold and share with nobody but each other."""
    pids, total = [pid], 0
    while pids:
        one = pids.pop()
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += 1024 * sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, ValueError):
            pass  # It has ended meanwhile.
    return total


class Watch:
    """The most memory while this is entered."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self) -> None:
        while not self.over.wait(0.05):
            self.peak = max(self.peak, memory(self.pid))

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def figure(server: Server, name: str) -> float:
    connection = http.client.HTTPConnection(server.url.split("//")[1])
    connection.request("GET", "/metrics", headers=server.head)
    text = connection.getresponse().read().decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def listener(server: Server, stalled: bool) -> socket.socket:
    host, port = server.url.split("//")[1].split(":")
    one = socket.socket()
    if stalled:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect((host, int(port)))
    one.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n"
                f"Authorization: {server.head['Authorization']}\r\n\r\n".encode())
    return one


def rename(server: Server, dataset: str, over: threading.Event, counts: list[int]) -> None:
    connection = http.client.HTTPConnection(server.url.split("//")[1])
    head = server.head | {"Content-Type": "application/json"}
    while not over.is_set():
        connection.request("PATCH", f"/api/v1/datasets/{dataset}", b'{"name": "a"}', head)
        counts.append(len(connection.getresponse().read()))


SMALL = "ip link set lo up && echo '4096 8192 16384' > /proc/sys/net/ipv4/tcp_wmem"


def in_own_network() -> None:
    """Starts this program anew in a network of its own with small buffers, where that is allowed."""
    if os.environ.get("EDDY_OWN_NETWORK") or subprocess.run(["unshare", "-n", "sh", "-c", SMALL], capture_output=True).returncode:
        return
    os.environ["EDDY_OWN_NETWORK"] = "1"
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", f'{SMALL} && exec "$0" "$@"', sys.executable, *sys.argv])


def live(folder: Path) -> dict:
    server = Server(folder, {})
    dataset = server.upload("a.csv", b"a,b\n1,2\n3,4\n")["id"]
    idle = memory(server.process.pid)
    sockets = [listener(server, at < STALLED) for at in range(CLIENTS)]
    over, counts, received = threading.Event(), [], {one.fileno(): 0 for one in sockets[STALLED:]}
    pushing = [threading.Thread(target=rename, args=(server, dataset, over, counts)) for _ in range(4)]
    chooser = selectors.DefaultSelector()
    for one in sockets[STALLED:]:
        chooser.register(one, selectors.EVENT_READ)
    cut = 0
    with Watch(server.process.pid) as watch:
        for thread in pushing:
            thread.start()
        began = looked = time.monotonic()
        left = CLIENTS
        while time.monotonic() < began + 120 and left > CLIENTS - STALLED:
            for key, _ in chooser.select(1):
                piece = key.fileobj.recv(1 << 16)
                received[key.fd] += len(piece)
                if not piece:
                    cut += 1
                    chooser.unregister(key.fileobj)
            if time.monotonic() > looked + 2:
                looked, left = time.monotonic(), int(figure(server, "eddy_live_clients"))
        took = time.monotonic() - began
        over.set()
        for thread in pushing:
            thread.join()
    for one in sockets:
        one.close()
    server.stop()
    return {
        "clients": CLIENTS, "stalled": STALLED, "events": len(counts), "seconds": round(took, 1),
        "listeners_left": left, "readers_cut": cut, "least_received_bytes": min(received.values()),
        "above_idle_mib": round((watch.peak - idle) / 2**20, 1),
    }


def upload(folder: Path, gigabytes: float) -> dict:
    part = folder / "part.csv"
    subprocess.run([EDDY, "generate", "--shape", "flow-features", "--duration", "720", "--no-label", "-o", part],
                   check=True, capture_output=True)
    header, rows = part.read_bytes().split(b"\n", 1)
    file, size = folder / "large.csv", int(gigabytes * 1e9)
    with file.open("wb") as out:
        out.write(header + b"\n")
        while out.tell() < size:
            out.write(rows)
    size = file.stat().st_size
    server = Server(folder / "data", {})
    time.sleep(1)
    idle = memory(server.process.pid)
    with Watch(server.process.pid) as sending, file.open("rb") as body:
        began = time.monotonic()
        connection = http.client.HTTPConnection(server.url.split("//")[1], timeout=600)
        head = server.head | {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        connection.request("POST", "/api/v1/datasets?name=large.csv", body, head)
        answer = connection.getresponse()
        dataset = json.loads(answer.read())
        if answer.status != 201:
            raise SystemExit(f"{answer.status}: {dataset}")
        sent = time.monotonic() - began
    with Watch(server.process.pid) as checking:
        began = time.monotonic()
        while dataset["state"] == "checking":
            time.sleep(0.1)
            dataset = server.api("GET", f"/api/v1/datasets/{dataset['id']}")
        checked = time.monotonic() - began
    if dataset["state"] != "ready":
        raise SystemExit(dataset["reason"])
    with Watch(server.process.pid) as analysing:
        began = time.monotonic()
        job = server.job({"kind": "detect", "dataset": dataset["id"]})
        analysed = time.monotonic() - began
    run = server.api("GET", f"/api/v1/runs/{job['result']['run']}")
    server.stop()
    stages = [("sending", sending, sent), ("checking", checking, checked), ("analysing", analysing, analysed)]
    found = {"bytes": size, "rows": run["rows"], "idle_mib": round(idle / 2**20, 1)}
    for name, watch, seconds in stages:
        found |= {f"{name}_mib": round((watch.peak - idle) / 2**20, 1), f"{name}_s": round(seconds, 1)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    # Python 3.11 refuses nothing at all where there are choices.
    parser.add_argument("what", nargs="*", metavar="live|upload")
    parser.add_argument("--gigabytes", type=float, default=1)
    args = parser.parse_args()
    args.what = args.what or ["live", "upload"]
    if unknown := set(args.what) - {"live", "upload"}:
        parser.error(f"{', '.join(sorted(unknown))}: live or upload")
    rows, targets = [], []
    if "live" in args.what:
        in_own_network()
        # What a rename costs is the disk; this is about the stream.
        memory_disk = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with tempfile.TemporaryDirectory(dir=memory_disk) as name:
            found = live(Path(name) / "data")
        stands = found["clients"] - found["stalled"]
        rows.append({"what": "live stream"} | found)
        targets += [
            target("stalled listeners that are left", "0", found["listeners_left"] - stands, found["listeners_left"] == stands),
            target("live stream, MiB above idle", "< 64", found["above_idle_mib"], found["above_idle_mib"] < 64),
        ]
    if "upload" in args.what:
        with tempfile.TemporaryDirectory() as name:
            found = upload(Path(name), args.gigabytes)
        rows.append({"what": "upload"} | found)
        most = max(found[f"{stage}_mib"] for stage in ("sending", "checking", "analysing"))
        targets.append(target("upload and analysis, MiB above idle", "< 300", most, most < 300))
    save("limits", "A server's memory, with that of its workers (proportional set size). Live stream: 200 clients, 20 of "
         "which never read, while data sets are renamed without a pause. Upload: one CSV of flow features (ten "
         "columns, the rows of a generated month over and over), sent, looked at and analysed.", rows, targets)


if __name__ == "__main__":
    main()
