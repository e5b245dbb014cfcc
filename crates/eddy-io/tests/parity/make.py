"""Writes nfstream.csv: what NFStream 6.6.0 (pip install nfstream==6.6.0) tells of the flows of office.pcap.gz.

The capture is the beginning of generated traffic, cut to the headers:

    eddy generate --as pcap --hosts 12 --rate 0.01 --duration 0.4 --seed 7 --start 2024-01-15T10:00:00 \\
        --plant vertical-scan@0.1+0.05*0.05 --snap-length 66 --out office.pcap && gzip -9n office.pcap
"""

import csv
import gzip
import tempfile
from pathlib import Path

from nfstream import NFStreamer

HERE = Path(__file__).parent
KEY = ["src_ip", "src_port", "dst_ip", "dst_port", "protocol"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        capture, flows = Path(folder) / "office.pcap", Path(folder) / "flows.csv"
        capture.write_bytes(gzip.decompress((HERE / "office.pcap.gz").read_bytes()))
        streamer = NFStreamer(
            source=str(capture),
            statistical_analysis=True,
            n_dissections=0,
            accounting_mode=0,
            idle_timeout=120,
            active_timeout=1800,
        )
        streamer.to_csv(path=str(flows))
        rows = list(csv.DictReader(flows.open()))
    rows.sort(key=lambda row: int(row["bidirectional_first_seen_ms"]))
    starts = ("bidirectional_", "src2dst_", "dst2src_")
    told = [name for name in rows[0] if name.startswith(starts) and "_seen_" not in name]
    with (HERE / "nfstream.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(KEY + told)
        for row in rows:
            writer.writerow([row[name] for name in KEY] + [f"{float(row[name]):.10g}" for name in told])


if __name__ == "__main__":
    main()
