"""NFStream over a capture: counts flows and packets, or writes its statistics as CSV for a comparison value by value.

    peer_flows.py CAPTURE              one line of JSON: flows, packets, seconds
    peer_flows.py CAPTURE flows.csv    the flows with all statistics

Statistics on, dissection of applications off, timeouts as Eddy has them.
"""

from __future__ import annotations

import json
import sys
import time

from nfstream import NFStreamer


def streamer(path: str) -> NFStreamer:
    return NFStreamer(
        source=path,
        statistical_analysis=True,
        n_dissections=0,
        accounting_mode=0,
        idle_timeout=120,
        active_timeout=1800,
        decode_tunnels=True,
    )


def main() -> None:
    path = sys.argv[1]
    if len(sys.argv) > 2:
        streamer(path).to_csv(path=sys.argv[2], columns_to_anonymize=[])
        return
    begin = time.perf_counter()
    flows = packets = 0
    for flow in streamer(path):
        flows += 1
        packets += flow.bidirectional_packets
    print(json.dumps({"flows": flows, "packets": packets, "seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main()
