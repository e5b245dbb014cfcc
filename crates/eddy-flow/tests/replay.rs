//! The seeds of the fuzz targets, and every input that one of them ever found fault with, read again.

mod survival;

use std::path::Path;

use survival::{survive_features, survive_flows};

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
    assert!(replay("seeds", "flows", survive_flows) >= 3 && replay("seeds", "flows", survive_features) >= 3);
    replay("regressions", "flows", survive_flows);
    replay("regressions", "flows", survive_features);
}
