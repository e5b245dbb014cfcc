//! The seeds of the fuzz targets, and every input that one of them ever found fault with, read again.

mod survival;

use std::path::Path;

use survival::writing::survive_writing;
use survival::{survive, survive_flows, survive_signs};

/// Calls `check` with the bytes of every file under `fuzz/<kind>/<target>`, targets sorted; how many there were.
fn replay(kind: &str, check: impl Fn(&str, &[u8])) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind);
    let list = |folder: &Path| {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let mut n_files = 0;
    for folder in list(&root) {
        let target = folder.file_name().unwrap().to_string_lossy().into_owned();
        // Models are replayed beside the loader of models.
        if target == "model_file" {
            continue;
        }
        for path in list(&folder) {
            eprintln!("{}", path.display());
            check(&target, &std::fs::read(&path).unwrap());
            n_files += 1;
        }
    }
    n_files
}

fn check(target: &str, bytes: &[u8]) {
    // Two logs to be joined are parted at a zero byte; a file of nfdump begins with one of its own.
    let parted = bytes.iter().position(|byte| *byte == 0).filter(|_| !bytes.starts_with(&[0x0c, 0xa5]));
    match (target, parted) {
        ("write", _) => survive_writing(bytes),
        ("signs", _) => survive_signs(bytes),
        ("flow_logs", Some(at)) => survive_flows(&bytes[..at], &bytes[at + 1..]),
        _ => drop(survive(bytes)),
    }
}

#[test]
fn seeds_are_survived() {
    assert!(replay("seeds", check) > 80);
}

#[test]
fn inputs_that_once_did_harm_do_none() {
    assert!(replay("regressions", check) > 0);
}
