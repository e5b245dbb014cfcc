//! JSON, one object a line: every line that is not blank is a row, read or set aside.
#![no_main]

use eddy_fuzz::survival::{Outcome, survive};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let outcome = survive(data);
    // Only plain lines are counted here: no byte order mark, no UTF-16, objects from the first line on.
    if !data.starts_with(b"{") || data.contains(&0) {
        return;
    }
    let options = eddy_io::ReadOptions::default();
    let Ok(source) = eddy_io::open_bytes("x", data.to_vec(), &options) else { return };
    // Of logs of flows several lines may make one row.
    let is_table = source.description().schema.index_of("sourceAddress").is_none();
    if let (Outcome::Read(counts), true) = (outcome, is_table && source.description().format == "NDJSON") {
        let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!(counts.rows + counts.rows_set_aside, lines as u64);
    }
});
