//! The seeds of the fuzz targets, and every input that one of them ever found fault with, read again.

mod survival;

use std::path::Path;

use survival::{survive_capture, survive_datagrams, survive_frame, survive_payload};

/// Calls `check` with the bytes of every file under `fuzz/<kind>/<target>`; how many there were.
fn replay(kind: &str, target: &str, check: impl Fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind).join(target);
    let Ok(entries) = std::fs::read_dir(&folder) else { return 0 };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in &paths {
        eprintln!("{}", path.display());
        check(&std::fs::read(path).unwrap());
    }
    paths.len()
}

#[test]
fn seeds_and_inputs_that_once_did_harm_are_survived() {
    let capture = |bytes: &[u8]| {
        survive_capture(bytes);
    };
    let n = replay("seeds", "capture", |bytes| assert!(survive_capture(bytes).is_some()))
        + replay("seeds", "packet", survive_frame)
        + replay("seeds", "application", survive_payload)
        + replay("seeds", "flow_export", survive_datagrams);
    assert!(n > 30, "{n} seeds");
    replay("regressions", "capture", capture);
    replay("regressions", "packet", survive_frame);
    replay("regressions", "application", survive_payload);
    replay("regressions", "flow_export", survive_datagrams);
}
