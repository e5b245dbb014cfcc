//! What fuzzing left behind, read again by ordinary tests, which take this file in with `#[path]`.

use std::path::Path;

/// Calls `check` with the bytes of every file under `fuzz/<kind>/<target>`; how many there were.
pub(crate) fn replay(kind: &str, target: &str, check: impl Fn(&[u8])) -> usize {
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
