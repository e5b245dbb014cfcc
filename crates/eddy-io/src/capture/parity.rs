//! The statistics of flows beside those of NFStream, of the same capture (`tests/parity/make.py`).

use std::collections::BTreeMap;
use std::path::Path;

use crate::{FeatureSet, ReadOptions, Source, open, open_flow_features};

/// Name and value of every column of every row, by the ends of the flow and how many such flows there were before.
type Table = BTreeMap<(String, usize), BTreeMap<String, f64>>;

fn table(mut source: Box<dyn Source>, key: [&str; 5]) -> Table {
    let mut table = Table::new();
    while let Some(frame) = source.next_frame().unwrap() {
        for row in 0..frame.n_rows() {
            let cell = |name: &str| {
                let column = frame.by_name(name).unwrap_or_else(|| panic!("{name}")).1;
                match column.as_text() {
                    Some(texts) => texts.get(row).to_owned(),
                    None if column.is_missing(row) => "0".to_owned(),
                    None => column.number(row).to_string(),
                }
            };
            let ends = key.map(cell).join(" ");
            let nth = table.keys().filter(|(known, _)| *known == ends).count();
            let fields = frame.schema().fields.iter().zip(frame.columns());
            let numbers = fields.filter(|(_, column)| column.as_text().is_none());
            let values = numbers.map(|(field, column)| (field.name.to_string(), column.number(row)));
            table.insert((ends, nth), values.collect());
        }
    }
    table
}

#[test]
fn statistics_equal_those_of_nfstream_but_for_its_whole_milliseconds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity");
    let path = |name: &str| vec![folder.join(name).display().to_string()];
    let options = ReadOptions::default();
    let ours = table(
        open_flow_features(&path("office.pcap.gz"), &options, FeatureSet::Statistics).unwrap(),
        [
            "sourceAddress",
            "sourceTransportPort",
            "destinationAddress",
            "destinationTransportPort",
            "protocolIdentifier",
        ],
    );
    let theirs = table(
        open(&path("nfstream.csv"), &options).unwrap(),
        ["src_ip", "src_port", "dst_ip", "dst_port", "protocol"],
    );
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let mut compared = 0;
    for (flow, values) in &theirs {
        for (name, expected) in
            values.iter().filter(|(name, _)| name.contains('2') || name.starts_with("bid"))
        {
            let found = ours[flow][name];
            // NFStream cuts times to milliseconds: an interval is off by up to one, a deviation by up to two.
            let off = match name {
                name if name.ends_with("stddev_piat_ms") => 2.0,
                name if name.ends_with("_ms") => 1.0 + 1e-6,
                _ => 1e-6 * expected.abs().max(1.0),
            };
            assert!((found - expected).abs() <= off, "{flow:?} {name}: {found} instead of {expected}");
            compared += 1;
        }
    }
    assert_eq!(compared, 97 * 57);
}
